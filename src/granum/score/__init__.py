"""Stage `score`: compare a result with the truth.

- `score_objects`: labels against true labels: AP at IoU 0.5 to 0.95, F1, panoptic quality, count and D50 error;
  `pool_object_scores` and `mean_object_scores` for several images.
- `score_pixels`: a mask against the true mask: IoU, Dice, boundary F.
- `centres_in_boxes`: labels against hand-drawn boxes.
- `measure_overlaps`, `match_objects`: which object is which, for scores of your own.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
