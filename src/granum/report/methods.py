"""The methods paragraph of a report: what was done, in the words of a paper, with numbered citations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["REFERENCES", "write_methods"]

REFERENCES: dict[str, str] = {
    "otsu": "N. Otsu, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man Cybern. 9, 62-66 "
    "(1979), doi:10.1109/TSMC.1979.4310076",
    "li": "C. H. Li, P. K. S. Tam, An iterative algorithm for minimum cross entropy thresholding, Pattern Recognit. "
    "Lett. 19, 771-776 (1998), doi:10.1016/S0167-8655(98)00057-9",
    "li_lee": "C. H. Li, C. K. Lee, Minimum cross entropy thresholding, Pattern Recognit. 26, 617-625 (1993), "
    "doi:10.1016/0031-3203(93)90115-D",
    "blobs": "D. G. Lowe, Distinctive image features from scale-invariant keypoints, Int. J. Comput. Vis. 60, 91-110 "
    "(2004), doi:10.1023/B:VISI.0000029664.99615.94",
    "triangle": "G. W. Zack, W. E. Rogers, S. A. Latt, Automatic measurement of sister chromatid exchange frequency, "
    "J. Histochem. Cytochem. 25, 741-753 (1977), doi:10.1177/25.7.70454",
    "isodata": "T. W. Ridler, S. Calvard, Picture thresholding using an iterative selection method, IEEE Trans. Syst. "
    "Man Cybern. 8, 630-632 (1978), doi:10.1109/TSMC.1978.4310039",
    "yen": "J. C. Yen, F. J. Chang, S. Chang, A new criterion for automatic multilevel thresholding, IEEE Trans. Image "
    "Process. 4, 370-378 (1995), doi:10.1109/83.366472",
    "sauvola": "J. Sauvola, M. Pietikainen, Adaptive document image binarization, Pattern Recognit. 33, 225-236 "
    "(2000), doi:10.1016/S0031-3203(99)00055-2",
    "phansalkar": "N. Phansalkar et al., Adaptive local thresholding for detection of nuclei in diversity stained "
    "cytology images, Proc. ICCSP, 218-220 (2011), doi:10.1109/ICCSP.2011.5739305",
    "rolling_ball": "S. R. Sternberg, Biomedical image processing, Computer 16, 22-34 (1983), "
    "doi:10.1109/MC.1983.1654163",
    "non_local_means": "A. Buades, B. Coll, J.-M. Morel, A non-local algorithm for image denoising, Proc. CVPR 2, "
    "60-65 (2005), doi:10.1109/CVPR.2005.38",
    "distance": "P. F. Felzenszwalb, D. P. Huttenlocher, Distance transforms of sampled functions, Theory Comput. 8, "
    "415-428 (2012), doi:10.4086/toc.2012.v008a019",
    "kmeans": "S. P. Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28, 129-137 (1982), "
    "doi:10.1109/TIT.1982.1056489",
    "power": "F. Aurenhammer, Power diagrams: properties, algorithms and applications, SIAM J. Comput. 16, 78-96 "
    "(1987), doi:10.1137/0216006",
    "mixture": "A. P. Dempster, N. M. Laird, D. B. Rubin, Maximum likelihood from incomplete data via the EM "
    "algorithm, J. R. Stat. Soc. B 39, 1-22 (1977), doi:10.1111/j.2517-6161.1977.tb01600.x",
    "spectral": "J. Shi, J. Malik, Normalized cuts and image segmentation, IEEE Trans. Pattern Anal. Mach. Intell. "
    "22, 888-905 (2000), doi:10.1109/34.868688",
    "watershed": "L. Vincent, P. Soille, Watersheds in digital spaces, IEEE Trans. Pattern Anal. Mach. Intell. 13, "
    "583-598 (1991), doi:10.1109/34.87344",
    "crofton": "D. Legland, K. Kieu, M.-F. Devaux, Computation of Minkowski measures on 2D and 3D binary images, Image "
    "Anal. Stereol. 26, 83-92 (2007), doi:10.5566/ias.v26.p83-92",
    "iso13322": "ISO 13322-1:2014, Particle size analysis - Image analysis methods - Part 1: Static image analysis "
    "methods",
    "iso9276": "ISO 9276-2:2014, Representation of results of particle size analysis - Part 2: Calculation of average "
    "particle sizes/diameters and moments from particle size distributions",
    "bootstrap": "B. Efron, Bootstrap methods: another look at the jackknife, Ann. Stat. 7, 1-26 (1979), "
    "doi:10.1214/aos/1176344552",
    "miles": "R. E. Miles, On the elimination of edge effects in planar sampling, in: Stochastic Geometry, Wiley, "
    "228-247 (1974)",
    "woodruff": "R. S. Woodruff, Confidence intervals for medians and other position measures, J. Am. Stat. Assoc. 47, "
    "635-646 (1952), doi:10.1080/01621459.1952.10483443",
    "phantast": "N. Jaccard et al., Automated method for the rapid and precise estimation of adherent cell culture "
    "characteristics from phase contrast microscopy images, Biotechnol. Bioeng. 111, 504-517 (2014), "
    "doi:10.1002/bit.25115",
    "wilson": "E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. "
    "22, 209-212 (1927), doi:10.1080/01621459.1927.10502953",
    "kaplan_meier": "E. L. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, J. Am. Stat. "
    "Assoc. 53, 457-481 (1958), doi:10.1080/01621459.1958.10501452",
    "log_log": "R. Brookmeyer, J. Crowley, A confidence interval for the median survival time, Biometrics 38, 29-41 "
    "(1982), doi:10.2307/2530286",
    "log_rank": "N. Mantel, Evaluation of survival data and two new rank order statistics arising in its "
    "consideration, Cancer Chemother. Rep. 50, 163-170 (1966)",
    "student": "Student, The probable error of a mean, Biometrika 6, 1-25 (1908), doi:10.1093/biomet/6.1.1",
    "z_prime": "J.-H. Zhang, T. D. Y. Chung, K. R. Oldenburg, A simple statistical parameter for use in evaluation and "
    "validation of high throughput screening assays, J. Biomol. Screen. 4, 67-73 (1999), "
    "doi:10.1177/108705719900400206",
    "ssmd": "X. D. Zhang, A pair of new statistical parameters for quality control in RNA interference high-throughput "
    "screening assays, Genomics 89, 552-561 (2007), doi:10.1016/j.ygeno.2006.12.014",
    "gompertz": "M. H. Zwietering et al., Modeling of the bacterial growth curve, Appl. Environ. Microbiol. 56, "
    "1875-1881 (1990), doi:10.1128/aem.56.6.1875-1881.1990",
    "hill": "A. V. Hill, The possible effects of the aggregation of the molecules of haemoglobin on its dissociation "
    "curves, J. Physiol. 40, iv-vii (1910), doi:10.1113/jphysiol.1910.sp001386",
    "aic": "H. Akaike, A new look at the statistical model identification, IEEE Trans. Autom. Control 19, 716-723 "
    "(1974), doi:10.1109/TAC.1974.1100705",
    "eu": "Commission Recommendation of 10 June 2022 on the definition of nanomaterial, 2022/C 229/01",
}

Sentence = tuple[str, tuple[str, ...]]


def _method(settings: Mapping[str, Any], default: str = "") -> str:
    return str(settings.get("method", default) or default)


def _background(settings: Mapping[str, Any]) -> Sentence:
    method = _method(settings, "gaussian")
    return f"The background was estimated ({method.replace('_', ' ')}) and subtracted.", (
        ("rolling_ball",) if "ball" in method else ()
    )


def _denoise(settings: Mapping[str, Any]) -> Sentence:
    method = _method(settings, "gaussian")
    keys = ("non_local_means",) if "non_local" in method else ()
    return f"Noise was reduced with a {method.replace('_', ' ')} filter{_listed(settings, ('sigma', 'radius'))}.", keys


def _threshold(settings: Mapping[str, Any]) -> Sentence:
    method = _method(settings, "otsu")
    keys = (method,) if method in REFERENCES else ()
    return f"Objects were separated from the background by the threshold of {method.capitalize()}.", keys


def _kmeans(settings: Mapping[str, Any]) -> Sentence:
    weighted = any("weight" in name and value not in (None, False, 0, "none") for name, value in settings.items())
    if weighted:
        return (
            "Touching objects were divided by size-weighted k-means (a power diagram) inside each connected region.",
            ("kmeans", "power"),
        )
    return (
        "Touching objects were divided by k-means clustering of the pixel positions inside each connected region, "
        "started at the peaks.",
        ("kmeans",),
    )


def _automatic(settings: Mapping[str, Any]) -> Sentence:
    """Say what was left to the image, and which ways to a mask it had."""
    ways = {
        "level": ("one Otsu threshold", ("otsu",)),
        "local_levels": ("a threshold of its own for every object", ()),
        "spots": ("differences of Gaussians at the scale of the particles", ("blobs",)),
    }
    method = _method(settings, "auto")
    if method in ways:
        how, keys = ways[method]
        return f"Objects were found by {how}; what was not set was chosen from each image, without labels.", keys
    return (
        "Polarity, flattening, smoothing and the kind of threshold (one Otsu level, a level of its own for every "
        "object, or differences of Gaussians at the scale of the particles) were chosen from each image, without "
        "labels, by the separation of its grey levels, the steepness of its outlines and its noise.",
        ("otsu", "blobs"),
    )


def _clusters(settings: Mapping[str, Any]) -> Sentence:
    method = _method(settings, "kmeans")
    how, key = ("a Gaussian mixture", "mixture") if method == "mixture" else ("k-means", "kmeans")
    number = f"{settings['k']} clusters" if settings.get("k") else "clusters, whose number was chosen from each image,"
    return f"Pixels were grouped into {number} by {how} of their local features, without labels.", (key,)


def _choose(settings: Mapping[str, Any]) -> Sentence:
    splitter = settings.get("splitter") or "auto"
    if splitter == "none":
        return "Connected regions were taken as objects.", ()
    if splitter != "auto":
        named = {
            "shape": ("a watershed whose parts were merged while convex", ("distance", "watershed")),
            "shape_and_light": ("a watershed whose parts were merged while convex", ("distance", "watershed")),
            "watershed": ("a watershed of the distance map", ("distance", "watershed")),
            "local_kmeans": ("size-weighted k-means inside each connected region", ("kmeans", "power")),
        }
        how, keys = named.get(str(splitter), (str(splitter), ()))
        return f"Touching objects were divided by {how}.", keys
    return (
        "Touching objects were divided by a watershed whose parts were merged while convex or, in clumps where they "
        "scored better in solidity and length of the cuts, by a plain watershed or size-weighted k-means; each object "
        "carries a confidence.",
        ("distance", "watershed", "kmeans", "power"),
    )


def _object_levels(settings: Mapping[str, Any]) -> Sentence:
    if settings.get("level", "counts") == "half":
        return "Outlines were moved to half the height of each object over its own background.", ()
    return (
        "Outlines were moved to the level of minimum cross entropy between each object and its own background.",
        ("li_lee",),
    )


def _listed(settings: Mapping[str, Any], names: Sequence[str]) -> str:
    found = [f"{name} {settings[name]:.4g}" for name in names if isinstance(settings.get(name), int | float)]
    return f" ({', '.join(found)} px)" if found else ""


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], Sentence]] = {
    "preprocess.crop": lambda s: ("Information bars and burnt-in scale bars were left out of the analysis.", ()),
    "preprocess.normalise": lambda s: ("Intensities were normalised.", ()),
    "preprocess.background": _background,
    "preprocess.denoise": _denoise,
    "segment.automatic": _automatic,
    "segment.threshold": _threshold,
    "segment.grid_maximum": lambda s: (
        "Objects were separated from the background by a threshold over the most frequent maximum of image tiles.",
        (),
    ),
    "segment.component_tree": lambda s: (
        "Objects were found as the connected regions of all grey levels (component tree) with the best outline.",
        (),
    ),
    "segment.learned": lambda s: (
        "Every pixel was given a class by a classifier of its local features (multi-scale filters) that painted "
        "strokes had taught"
        + (
            f"; pieces of the class {s['objects']} were taken as objects."
            if s.get("objects", "none") not in ("", "none")
            else "."
        ),
        (),
    ),
    "segment.pixel_clusters": _clusters,
    "segment.mask_cleanup": lambda s: ("Holes and specks were removed from the mask.", ()),
    "segment.components": lambda s: ("Connected regions were taken as objects.", ()),
    "separate.peaks": lambda s: (
        "Object centres were taken as the peaks of the exact Euclidean distance transform"
        f"{_listed(s, ('min_distance',))}.",
        ("distance",),
    ),
    "separate.local_kmeans": _kmeans,
    "separate.local_mixture": lambda s: (
        "Touching objects were divided by a Gaussian mixture inside each connected region.",
        ("mixture",),
    ),
    "separate.local_spectral": lambda s: (
        "Touching objects were divided by spectral clustering inside each connected region.",
        ("spectral",),
    ),
    "separate.watershed": lambda s: ("Touching objects were divided by a watershed.", ("watershed",)),
    "separate.convexity": lambda s: (
        "Touching irregular objects were divided until the parts were convex.",
        ("watershed",),
    ),
    "separate.convex_merge": lambda s: (
        "Touching objects were divided by a watershed whose parts were merged again while their union was convex.",
        ("distance", "watershed"),
    ),
    "separate.ellipses": lambda s: ("Overlapping objects were divided by fitting ellipses to their outlines.", ()),
    "separate.choose": _choose,
    "separate.object_levels": _object_levels,
    "preprocess.channel_check": lambda s: (
        "The channels were checked for shift, saturation and exchange.",
        (),
    ),
    "segment.nuclei": lambda s: (
        "Nuclei were found in the stains of live and dead cells, each with a threshold of its own over its local "
        "background.",
        (),
    ),
    "segment.stain_levels": lambda s: (
        "Nuclei were found in the stains of live and dead cells, each by one level for the whole image, followed by "
        "the published closing.",
        (),
    ),
    "separate.cut_reasons": lambda s: (
        "Cuts between nuclei were taken back where there was neither a notch of the outline, nor a dark line, nor a "
        "step of brightness.",
        (),
    ),
    "segment.cell_area": lambda s: (
        "The area of cells was found from the gradient magnitude (Sobel) of the brightfield image where there was one, "
        "by the threshold of the most frequent tile maximum, followed by dilation, erosion and filling of holes; else "
        "from the stains.",
        (),
    ),
    "separate.cells": lambda s: (
        "The area of cells was divided among the nuclei by a watershed over the distance from the nuclei.",
        ("watershed",),
    ),
    "segment.stain_classes": lambda s: (
        "Pixels were classed as background, cell, outline, nucleus of a live cell and nucleus of a dead cell.",
        (),
    ),
    "measure.viability": lambda s: (
        "A nucleus was judged dead by its intensity in the dead stain over its local background.",
        (),
    ),
    "measure.stain_states": lambda s: ("A nucleus was judged dead where the mask of the dead stain covered it.", ()),
    "segment.texture": lambda s: (
        "The area of cells was found without labels by texture and local contrast, corrected for halos; methods were "
        "combined automatically.",
        ("phantast",),
    ),
    "segment.local_contrast": lambda s: (
        "The area of cells was found by local contrast, corrected for halos.",
        ("phantast",),
    ),
    "segment.grey_clusters": lambda s: (
        "Grey levels were divided by k-means clustering.",
        ("kmeans",),
    ),
    "measure.confluency": lambda s: ("Confluency is the share of the analysed area that the mask covers.", ()),
    "measure.objects": lambda s: (
        "Equivalent circular diameter, minimum and maximum Feret diameter, Crofton perimeter, shape and intensity "
        "were measured for every object; objects that touch the border were kept and flagged.",
        ("crofton",),
    ),
}


def _step_sentence(step: Mapping[str, Any]) -> Sentence:
    """Return the sentence of one step; of a step without its own, the first line of its docstring."""
    name, settings = str(step.get("do", "")), step.get("settings") or {}
    if name in _SENTENCES:
        return _SENTENCES[name](settings)
    return f"Step {name} was applied.", ()


def write_methods(
    steps: Sequence[Mapping[str, Any]],
    *,
    version: str,
    recipe: str,
    recipe_hash: str = "",
    n_images: int = 1,
    pixel_size: str | None = None,
    extra: Sequence[Sentence] = (),
) -> tuple[str, list[str]]:
    """Return the methods paragraph of a run, ready to paste, and its numbered references.

    Parameters
    ----------
    steps : sequence of dict
        The recipe's steps: "do" and "settings".
    version : str
        Version of granum.
    recipe, recipe_hash : str
        Name and SHA-256 of the recipe.
    n_images : int
        Number of images.
    pixel_size : str, optional
        The size in words, such as "0.5 nm (from the file)".
    extra : sequence of (str, tuple of str)
        Sentences on the statistics, with keys of `REFERENCES`.

    Returns
    -------
    text : str
        One paragraph with citations as [1], [2] ...
    references : list of str
        In the order of their first citation.
    """
    images = "One image was" if n_images == 1 else f"{n_images} images were"
    short = f", recipe {recipe}" + (f" {recipe_hash[:12]}" if recipe_hash else "")
    sentences: list[Sentence] = [(f"{images} analysed with granum {version}{short}.", ())]
    sentences += [_step_sentence(step) for step in steps]
    sentences.append(
        (f"The pixel size was {pixel_size}.", ())
        if pixel_size
        else ("The pixel size was not known, so lengths are in pixels.", ())
    )
    sentences += extra
    order: list[str] = []
    texts = []
    for text, keys in sentences:
        for key in keys:
            if key not in order:
                order.append(key)
        cited = ", ".join(str(order.index(key) + 1) for key in keys)
        texts.append(f"{text.removesuffix('.')} [{cited}]." if cited else text)
    return " ".join(texts), [REFERENCES[key] for key in order]
