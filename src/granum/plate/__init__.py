"""Stage `plate`: from images of wells, fields and times to the curves and figures of an assay.

- `parse_well_name`, `read_plate_map`: where and when an image was taken, and what was in its well.
- `build_assay`: viability or confluency over time, per well and condition; fits, survival, quality of the controls.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
