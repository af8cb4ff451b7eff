"""Stage `segment`: images to masks.

- `segment_by_threshold`, `threshold_value`: Otsu, Li, triangle, isodata, Yen; Sauvola and Phansalkar
- `find_polarity`: are objects bright or dark
- `label_components`: number the connected pieces of a mask
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
