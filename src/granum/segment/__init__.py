"""Stage `segment`: images to masks.

- `segment_by_threshold`, `threshold_value`: Otsu, Li, triangle, isodata, Yen; Sauvola and Phansalkar
- `segment_by_grid_maximum`, `grid_maximum_threshold`: from the usual maximum of a tile
- `segment_by_component_tree`, `find_tree_objects`: each object at a threshold of its own
- `find_nuclei`: nuclei of a live and a dead stain; `find_nuclei_by_level`: the published way, to compare with
- `find_polarity`, `polarity_evidence`: are objects bright or dark
- `clean_mask`: holes filled, specks dropped
- `find_cell_area`: where cells are, by texture in brightfield, a stain that fills them, or rings around nuclei
- `paint_stain_classes`: background, cell, outline, live and dead nucleus in one picture
- `segment_by_texture`: where cells are without any stain or label, in any light
- `segment_by_local_contrast`, `cluster_grey_levels`: published ways to confluency, to compare with
- `label_components`: number the connected pieces of a mask
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
