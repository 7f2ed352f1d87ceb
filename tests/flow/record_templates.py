"""A document, tables and the column mapping of one made-up person, with every element a source may write."""

from __future__ import annotations

DOCUMENT = b"""<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<templateId root="1.2.250.1.213.1.1.1.45"/><id root="1.2.250.1.999" extension="SET-N-d"/>
<code code="11502-2" codeSystem="2.16.840.1.113883.6.1" displayName="D"/><title>T</title>
<effectiveTime value="20240601"/><confidentialityCode code="N" displayName="D"/><languageCode code="fr"/>
<setId root="1.2.250.1.999" extension="SET-N"/><versionNumber value="1"/>
<recordTarget><patientRole><id root="1.2.250.1.999.1" extension="SET-N-p"/><addr><city>C</city></addr>
<telecom value="tel:0"/><patient><name><family>N</family><given>P</given></name>
<administrativeGenderCode code="F" displayName="D"/><birthTime value="19690512"/></patient></patientRole>
</recordTarget><author><time value="2024"/><assignedAuthor><id root="1.2" extension="E"/><assignedPerson>
<name>N</name></assignedPerson></assignedAuthor></author><inFulfillmentOf><order><id root="1.2"
extension="A"/></order></inFulfillmentOf><documentationOf><serviceEvent><id root="1.2.3"/><code
code="ZBQK001" codeSystem="1.2.250.1.213.2.5"/><effectiveTime value="20240601"/></serviceEvent>
</documentationOf><relatedDocument typeCode="APND"><parentDocument><id root="1.2" extension="E"/>
</parentDocument></relatedDocument><component><structuredBody><component><section><templateId
root="1.3.6.1.4.1.19376.1.3.3.2.1"/><code code="18719-5" codeSystem="2.16.840.1.113883.6.1"/><title>T</title>
<text>T <content ID="i">U</content></text><entry><act classCode="ACT" moodCode="EVN"><templateId
root="1.3.6.1.4.1.19376.1.3.1"/><code code="18719-5" codeSystem="2.16.840.1.113883.6.1"/><statusCode
code="completed"/><entryRelationship typeCode="COMP"><organizer classCode="BATTERY" moodCode="EVN"><statusCode
code="completed"/><component><observation classCode="OBS" moodCode="EVN"><id root="1.2" extension="E"/><code
code="14682-9" codeSystem="2.16.840.1.113883.6.1" displayName="D"><originalText>T</originalText><translation
code="X1" codeSystem="1.2.250.9"/></code><text>T</text><effectiveTime value="202406011000+0200"/><value
xsi:type="PQ" value="80" unit="umol/L"/><interpretationCode code="N"/><specimen><specimenRole><id
root="1.2" extension="E"/><specimenPlayingEntity><code code="119297000" codeSystem="2.16.840.1.113883.6.96"
displayName="D"/></specimenPlayingEntity></specimenRole></specimen><performer><assignedEntity><id
root="1.2" extension="E"/></assignedEntity></performer><entryRelationship typeCode="COMP"><act classCode="ACT"
moodCode="EVN"><code code="48767-8" codeSystem="2.16.840.1.113883.6.1"/><text>T</text></act>
</entryRelationship><referenceRange><observationRange><text>T</text><value xsi:type="IVL_PQ"><low value="60"
unit="umol/L"/><high value="90" unit="umol/L"/></value><interpretationCode code="N"/></observationRange>
</referenceRange></observation></component><component><observation classCode="OBS" moodCode="EVN"><code
code="882-1" codeSystem="2.16.840.1.113883.6.1"/><value xsi:type="CD" code="112144000"
codeSystem="2.16.840.1.113883.6.96"><originalText>T</originalText><qualifier><name code="260385009"
codeSystem="2.16.840.1.113883.6.96"/><value code="112144000" codeSystem="2.16.840.1.113883.6.96"/></qualifier>
</value></observation></component><component><observation classCode="OBS" moodCode="EVN"><code code="2160-0"
codeSystem="2.16.840.1.113883.6.1"/><value xsi:type="ST">&lt;5 mg/dL</value></observation></component>
</organizer></entryRelationship></act></entry><entry><observation classCode="OBS" moodCode="EVN"><code
code="282291009" codeSystem="2.16.840.1.113883.6.96"/><value xsi:type="CD" code="C34.1"
codeSystem="2.16.840.1.113883.6.3"/></observation></entry><entry><procedure classCode="PROC" moodCode="EVN">
<code code="ZBQK001" codeSystem="1.2.250.1.213.2.5"/><effectiveTime value="20240601"/><targetSiteCode
code="51185008" codeSystem="2.16.840.1.113883.6.96"><qualifier><name code="272741003"
codeSystem="2.16.840.1.113883.6.96"/><value code="7771000" codeSystem="2.16.840.1.113883.6.96"/></qualifier>
</targetSiteCode></procedure></entry><entry><substanceAdministration classCode="SBADM" moodCode="EVN">
<effectiveTime value="20240601"/><routeCode code="26643006" codeSystem="2.16.840.1.113883.6.96"/><doseQuantity
value="1" unit="mg"/><consumable><manufacturedProduct><manufacturedMaterial><code code="N02BE01"
codeSystem="2.16.840.1.113883.6.73"><originalText>T</originalText></code><name>N</name><lotNumberText>L
</lotNumberText></manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry>
</section></component></structuredBody></component></ClinicalDocument>"""

MAPPING = """
[[file]]
pattern = "results*.csv"
id = ["number"]
[file.person]
key = "IPP"
sex = { column = "SEX", male = ["M"], female = ["F"] }
birth = { column = "BORN" }
[file.date]
column = "DAY"
[[file.measurement]]
column = "RESULT"
code_column = "LOINC"
system = "LOINC"
unit_column = "UNIT"
low_column = "LOW"
high_column = "HIGH"
[[file.observation]]
column = "SMOKES"
code = "smokes"
values = ["yes", "no"]
[[file.observation]]
column = "SCORE"
code = "score"
number = true
[[file.condition]]
code_column = "CIM"
system = "CIM-10"
[[file.procedure]]
code_column = "CCAM"
system = "CCAM"
[[file.drug]]
code_column = "ATC"
system = "ATC"
quantity_column = "DOSE"
unit_column = "DOSE_UNIT"
"""
# The columns of that mapping and one it leaves out; units are local words, see the records of other sources.
CSV_ROW = {
    "number": "{n}",
    "IPP": "P{n}",
    "SEX": "F",
    "BORN": "1969-05-12",
    "DAY": "2024-06-01T10:00:00",
    "RESULT": "<80",
    "LOINC": "14682-9",
    "UNIT": "umol/L",
    "LOW": "60",
    "HIGH": "90",
    "SMOKES": "no",
    "SCORE": "3",
    "CIM": "C34.1",
    "CCAM": "ZBQK001",
    "ATC": "N02BE01",
    "DOSE": "1",
    "DOSE_UNIT": "mg",
    "REMARK": "",
}

_TABLES = {
    "person": "gender_concept_id=8532 year_of_birth=1969 month_of_birth=5 day_of_birth=12 "
    "birth_datetime= race_concept_id=0 location_id=1 provider_id=1 care_site_id=1 person_source_value=P "
    "gender_source_value=F race_source_value=",
    "visit_occurrence": "visit_concept_id=9202 visit_start_date=2024-06-01 visit_end_date=2024-06-01 "
    "visit_source_value=V visit_source_concept_id=0 provider_id=1 admitted_from_source_value=",
    "condition_occurrence": "condition_concept_id=0 condition_start_date=2024-06-01 condition_end_date= "
    "condition_source_value=C34.1 condition_source_concept_id=0 stop_reason= condition_status_source_value=",
    "procedure_occurrence": "procedure_concept_id=0 procedure_date=2024-06-01 "
    "procedure_source_value=ZBQK001 procedure_source_concept_id=0 modifier_source_value= quantity=1",
    "measurement": "measurement_concept_id=0 measurement_date=2024-06-01 "
    "measurement_datetime=2024-06-01T10:00:00 measurement_time= operator_concept_id=4171756 "
    "value_as_number=80 value_as_concept_id=0 unit_concept_id=0 range_low=60 range_high=90 "
    "measurement_source_value=14682-9 measurement_source_concept_id=0 unit_source_value=umol/L "
    "value_source_value=",
    "observation": "observation_concept_id=0 observation_date=2024-06-01 value_as_number=3 value_as_string= "
    "value_as_concept_id=0 qualifier_source_value= unit_source_value= observation_source_value=smokes "
    "observation_source_concept_id=0 value_source_value=",
    "drug_exposure": "drug_concept_id=0 drug_exposure_start_date=2024-06-01 drug_exposure_end_date= "
    "stop_reason= sig= lot_number= quantity=1 drug_source_value=N02BE01 drug_source_concept_id=0 "
    "route_source_value= route_concept_id=0 dose_unit_source_value=mg",
    "note": "note_date=2024-06-01 note_title=T note_text=T",
    "death": "death_date=2024-06-01 cause_source_value=C34.1",
}
OMOP_ROWS = {
    table: {f"{table}_id": "{n}"}
    | ({} if table == "person" else {"person_id": "1"})
    | dict(pair.split("=") for pair in told.split())
    for table, told in _TABLES.items()
}
