"""Stage `report`: results -> files that people open.

Menu
----
tables          objects.csv and images.csv, in and out (`write_objects_csv`, `write_images_csv`, `join_csv`, readers)
label_images    labels/<stem>.tif: OME-TIFF that ImageJ opens (`write_labels`, `read_labels`)
overlays        outlines on the image (`draw_overlay`, `write_overlay`)
charts          size distributions as SVG (`draw_size_histogram`, `draw_cumulative`)
methods         the methods paragraph and its citations (`write_methods`)
section, page   report.html: one fragment per image (`write_section`), then the page around them (`write_report`)
provenance      versions, machine, stable JSON (`versions`, `machine`, `write_json`)
assay_section   plate, curves, survival, dose response and doubts of an assay, inside report.html (`assay_html`)
video           the film of an assay, MP4 or GIF (`write_assay_video`)
contours, exports   COCO, GeoJSON, ImageJ ROIs, OME-Zarr, Parquet from a run folder (`export_run`)
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
