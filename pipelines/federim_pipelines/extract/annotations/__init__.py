"""What is drawn and measured on images: the rows of segmentations, structure sets, reports and maps."""

from federim_pipelines.extract.annotations.objects import rows_of

__all__ = ["rows_of"]
