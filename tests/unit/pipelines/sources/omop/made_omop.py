"""A very small OMOP model of two synthetic persons, as CSV, Parquet or a ZIP."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MODEL: dict[str, str] = {
    "PERSON": """\
person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,person_source_value
1,8507,1961,4,9,a
2,8532,1930,,,b
""",
    "CONCEPT": """\
concept_id,concept_name,vocabulary_id,concept_code,standard_concept,invalid_reason
3016723,"Creatinine, mass",LOINC,2160-0,S,
9202,Outpatient Visit,Visit,OP,S,
8840,milligram per deciliter,UCUM,mg/dL,S,
372328,Otitis media,SNOMED,65363002,S,
45591,Tumeur,ICD10,C34.1,,
4181412,Present,SNOMED,52101004,S,
""",
    "VISIT_OCCURRENCE": """\
visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,\
visit_end_datetime,visit_source_value,visit_source_concept_id
7,1,9202,2020-03-05,2020-03-05 08:30:00,2020-03-05,2020-03-05 00:00:00,3528b5de-9f60-a69a-ca36-d508f1f31852,0
8,2,9202,2020-03-05,,,,230012345,0
""",
    "MEASUREMENT": """\
measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,operator_concept_id,\
value_as_number,value_as_concept_id,unit_concept_id,range_low,range_high,visit_occurrence_id,\
measurement_source_value,measurement_source_concept_id,unit_source_value,value_source_value
11,1,3016723,2020-03-05,2020-03-05 08:45:00,4171756,9.5,0,8840,6,12,7,2160-0,3016723,mg/L,told by Mrs Martin
12,2,3016723,2020-03-05,2020-03-05 00:00:00,0,,4181412,0,,,,LOCAL-1,0,,
""",
    "CONDITION_OCCURRENCE": """\
condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_end_date,\
condition_source_value,condition_source_concept_id
21,1,372328,2020-03-05,2020-03-20,C341,45591
22,1,372328,2020-03-05,,3528b5de-9f60-a69a-ca36-d508f1f31852,0
""",
    "OBSERVATION": """\
observation_id,person_id,observation_concept_id,observation_date,value_as_number,value_as_string,\
value_as_concept_id,observation_source_value,observation_source_concept_id
31,2,0,2020-03-05,3,Mrs Martin,0,SMOKING,0
""",
    "DRUG_EXPOSURE": """\
drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_end_date,quantity,\
drug_source_value,drug_source_concept_id,route_concept_id,dose_unit_source_value
41,1,1125315,2020-03-05,2020-03-07,500,N02BE01,0,0,mg
""",
    "DEATH": "person_id,death_date,death_type_concept_id\n2,2021-01-01,0\n",
    "CARE_SITE": "care_site_id,care_site_name,place_of_service_concept_id\n",
}


def as_folder(folder: Path) -> Path:
    """The model as a folder of CSV files."""
    folder.mkdir()
    for table, text in MODEL.items():
        (folder / f"{table}.csv").write_text(text)
    return folder


def as_zip(path: Path) -> Path:
    """The model as CSV files in a ZIP."""
    with zipfile.ZipFile(path, "w") as archive:
        for table, text in MODEL.items():
            archive.writestr(f"cdm/{table}.csv", text)
    return path


def as_parquet(folder: Path, *, row_group_size: int = 1) -> Path:
    """The model as a folder of Parquet files, with names in lower case and numbers as numbers."""
    folder.mkdir()
    for table, text in MODEL.items():
        header, *rows = list(csv.reader(io.StringIO(text)))
        columns = {name: _typed([row[place] for row in rows]) for place, name in enumerate(header)}
        pq.write_table(pa.table(columns), folder / f"{table.lower()}.parquet", row_group_size=row_group_size)
    return folder


def _typed(cells: list[str]) -> list[str | float | None]:
    def value(text: str) -> str | float | None:
        try:
            return float(text) if text else None
        except ValueError:
            return text

    typed = [value(text) for text in cells]
    numbers = all(isinstance(item, float) or item is None for item in typed)
    return typed if numbers else [text or None for text in cells]
