"""Stage `separate`: mask -> labels.

- `distance_map`: how deep each pixel lies in its object
- `find_distance_peaks`, `find_peaks_with_dynamics`: where particles are
- `split_by_watershed`, `flood`: cuts along necks of the outline, valleys of the image or edges
- `split_by_shape`, `merge_convex_parts`: many cuts, of which those stay that make convex objects
- `merge_needless_cuts`: cuts without a notch, a dark line or a step are taken back
- `grow_cells`: cells from their nuclei, inside the cell area
- `watershed_hierarchy`, `merge_by_dynamic`: all levels of a watershed for one flood
- `edit_labels`: corrections by hand, replayed
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
