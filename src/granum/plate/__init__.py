"""Stage `plate`: from images of wells, fields and times to the curves and figures of an assay.

- `parse_image_names`, `parse_image_name`, `collect_times`: where and when an image was taken, as names say it.
- `read_plate_map`, `apply_plate_map`: what was in each well.
- `build_assay`: viability or confluency over time, per field, well and condition; fits, survival,
  quality of the controls; `write_assay_tables`, `read_assay`.
- Its parts: `kaplan_meier`, `log_rank`, `fit_exponential`, `fit_growth_curve`, `fit_closing`, `check_monotone`,
  `fit_dose_response`, `trend_test`, `isotonic_fit`, `assay_quality`.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
