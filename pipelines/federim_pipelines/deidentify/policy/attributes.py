"""Which attributes that Table E.1-1 does not list may pass: technical text, codes and bulk data."""

from __future__ import annotations

from federim_pipelines.deidentify.dictionaries import tag_of


def _tags(*keywords: str) -> frozenset[int]:
    found = {keyword: tag_of(keyword) for keyword in keywords}
    return frozenset(tag for tag in found.values() if tag is not None)


# What a device or its software writes by itself. Anything a person types (labels, descriptions, comments,
# protocol names) stays out, however technical it usually is.
TECHNICAL_TEXT = _tags(
    "AcquisitionDeviceProcessingCode",
    "AlgorithmName",
    "AlgorithmVersion",
    "ApplicationManufacturer",
    "ApplicationName",
    "ApplicationVersion",
    "AttenuationCorrectionMethod",
    "CardiacFramingType",
    "CollimatorGridName",
    "ContrastBolusRoute",
    "ConvolutionKernel",
    "DetectorLinesOfResponseUsed",
    "DetectorManufacturerModelName",
    "DetectorManufacturerName",
    "DigitalImageFormatAcquired",
    "DoseModeName",
    "EnergyWindowName",
    "FilterType",
    "ImagedNucleus",
    "ImageFilter",
    "Manufacturer",
    "ManufacturerModelName",
    "ManufacturerRelatedModelGroup",
    "ModalityLUTType",
    "MultiCoilConfiguration",
    "MultiCoilElementName",
    "OpticalPathIdentifier",
    "PhosphorType",
    "PlateType",
    "PositionReferenceIndicator",
    "PulseSequenceName",
    "PVCRejection",
    "Radiopharmaceutical",
    "RadiopharmaceuticalRoute",
    "ReceiveCoilManufacturerName",
    "ReceiveCoilName",
    "ReconstructionMethod",
    "ReferencedOpticalPathIdentifier",
    "RescaleType",
    "ScatterCorrectionMethod",
    "SegmentAlgorithmName",
    "SequenceName",
    "SoftwareVersions",
    "SourceIsotopeName",
    "StackID",
    "TransmitCoilManufacturerName",
    "TransmitCoilName",
    "TriggerSourceOrType",
    "TypeOfFilters",
)

# Code strings that people type, where others are a device's own words.
TYPED_CODES = _tags("BodyPartExamined")

# Parts of a code, kept when they look like one. CodeMeaning is never kept: see `codes`.
CODES = _tags("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "LongCodeValue", "URNCodeValue")

# Text that some IOD requires (Type 1): where nothing of it may stay, a dummy stands there.
REQUIRED_TEXT = _tags(
    "AlgorithmName",
    "AlgorithmVersion",
    "CodeValue",
    "CodingSchemeDesignator",
    "FiducialIdentifier",
    "Manufacturer",
    "ManufacturerModelName",
    "RTImageLabel",
    "SegmentAlgorithmName",
    "SegmentLabel",
    "SoftwareVersions",
    "TextValue",
    "TrackingID",
    "TrackSetLabel",
    "UnformattedTextValue",
    "UniversalEntityID",
)

# Sequences that some IOD requires but lets be empty (Type 2), of those the profile empties or removes.
EMPTY_SEQUENCES = _tags("AcquisitionContextSequence")

# OB and OW values that are samples, tables or coefficients. Other bytes may be anything, a document included.
BULK_DATA = _tags(
    "AlphaPaletteColorLookupTableData",
    "BlendingLookupTableData",
    "BluePaletteColorLookupTableData",
    "ChannelMaximumValue",
    "ChannelMinimumValue",
    "CoefficientsSDDN",
    "CoefficientsSDHN",
    "CoefficientsSDVN",
    "EdgePointIndexList",
    "GrayLookupTableData",
    "GreenPaletteColorLookupTableData",
    "ICCProfile",
    "LUTData",
    "PixelData",
    "PrimitivePointIndexList",
    "RecommendedDisplayCIELabValueList",
    "RedPaletteColorLookupTableData",
    "SegmentedAlphaPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "TrianglePointIndexList",
    "VertexPointIndexList",
    "WaveformData",
    "WaveformPaddingValue",
)

# Made of the patient's size and weight, so they go with them; the table lists neither.
BODY_MEASURES = _tags("PatientBodyMassIndex", "PatientSizeCodeSequence")

# The same day for every patient of a device or a standard: beside its shifted value it would tell the shift.
# The basic profile's own action is used for them instead of moving them; those it does not list are removed.
DATES_OF_NO_PATIENT = _tags(
    "CalibrationDate",
    "CalibrationDateTime",
    "CalibrationTime",
    "ContextGroupLocalVersion",
    "ContextGroupVersion",
    "DateOfGainCalibration",
    "DateOfInstallation",
    "DateOfLastCalibration",
    "DateOfLastDetectorCalibration",
    "DateOfManufacture",
    "DateTimeOfLastCalibration",
    "EffectiveDateTime",
    "EthicsCommitteeApprovalEffectivenessEndDate",
    "EthicsCommitteeApprovalEffectivenessStartDate",
    "ExpirationDateTime",
    "ExpiryDate",
    "HangingProtocolCreationDateTime",
    "InformationIssueDateTime",
    "ProcedureCreationDate",
    "ProcedureExpirationDate",
    "ProcedureLastModifiedDate",
    "ProductExpirationDateTime",
    "SourceStrengthReferenceDate",
    "SourceStrengthReferenceTime",
    "TemplateLocalVersion",
    "TemplateVersion",
    "TimeOfGainCalibration",
    "TimeOfLastCalibration",
    "TimeOfLastDetectorCalibration",
)
