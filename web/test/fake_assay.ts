/** A small assay: three wells of two conditions at two times. */
import type { AssayBody, AssayCurve, AssayFit, AssayWell } from "../src/api/types";

function well(name: string, row: number, column: number, condition: string): AssayWell {
  return { plate: "", well: name, row, column, condition, curve: condition, replicate: "", control: condition === "drug" ? "positive" : "negative", dose: null, n_fields: 1, n_times: 2 };
}

function curve(level: AssayCurve["level"], name: string, measure: string, value: (number | null)[], part: Partial<AssayCurve> = {}): AssayCurve {
  return { level, name, measure, time: [0, 8], value, low: [], high: [], n: [20, 20], plate: "", ...part };
}

function fit(model: string, aic: number | null, part: Partial<AssayFit> = {}): AssayFit {
  return { level: "condition", name: "untreated", measure: "n_nuclei", model, parameters: { doubling_time_h: { value: 12, low: 8, high: null } }, aic, time: [0, 8], value: [10, 20], note: "", plate: "", ...part };
}

export function assay(part: Partial<AssayBody> = {}): AssayBody {
  const wells = [well("B02", 2, 2, "untreated"), well("B03", 2, 3, "untreated"), well("C02", 3, 2, "drug")];
  return {
    kind: "live-dead", before_corrections: false, time_unit: "h",
    numbers: [
      { name: "highest viability at 8 h", value: "90.0", unit: "%", below: "untreated; 95 %: 70.0 to 97.0; 2 replicates" },
      { name: "nuclei at 8 h", value: "60", unit: "", below: "40 live, 20 dead" },
    ],
    measures: [{ name: "viability", title: "Viability", unit: "%" }, { name: "n_nuclei", title: "Nuclei", unit: "" }],
    images: wells.flatMap((one) => [0, 1].map((frame) => ({
      file: `${one.well}_f1.tif`, stem: `${one.well}_f1`, frame, plate: "", well: one.well, field: "1", time: 8 * frame, condition: one.condition, values: { viability: 0.9 },
    }))),
    wells,
    curves: [
      curve("well", "B02", "viability", [0.95, 0.9], { low: [0.8, 0.7], high: [0.99, 0.97] }), curve("well", "B03", "viability", [0.9, 0.9]), curve("well", "C02", "viability", [0.9, 0.3]),
      curve("well", "B02", "n_nuclei", [10, 20]), curve("well", "B02", "viability_t0", [1, 0.95]),
      curve("condition", "untreated", "viability", [0.93, 0.9], { low: [0.8, 0.6], high: [1, 1], n: [2, 2] }), curve("condition", "drug", "viability", [0.9, 0.3], { n: [1, 1] }),
      curve("condition", "untreated", "n_nuclei", [10, 20], { n: [2, 2] }), curve("condition", "drug", "n_nuclei", [10, null], { n: [1, 1] }),
      curve("condition", "untreated", "viability_t0", [1, 0.96], { n: [2, 2] }), curve("condition", "drug", "viability_t0", [1, 0.33], { n: [1, 1] }),
    ],
    survival: [
      { level: "condition", name: "untreated", time: [0, 8], survival: [1, 0.95], low: [null, 0.7], high: [null, 0.99], at_risk: [20, 20], n_deaths: 1, n_censored: 19, median: { value: null, low: 8, high: null }, plate: "" },
      { level: "condition", name: "drug", time: [0, 8], survival: [1, 0.3], low: [null, 0.1], high: [null, 0.5], at_risk: [20, 20], n_deaths: 14, n_censored: 6, median: { value: 8, low: 8, high: null }, plate: "" },
    ],
    fits: [
      fit("exponential", 12), fit("logistic", 4), fit("gompertz", null, { parameters: {}, time: [], value: [], note: "Too few times." }),
      fit("log_rank", null, { name: "drug", measure: "survival", parameters: { p_value: { value: 0.01, low: null, high: null } }, time: [], value: [] }),
    ],
    quality: [{ plate: "", measure: "viability", time: 8, z_prime: 0.4, ssmd: -5, n_positive: 1, n_negative: 2, note: "Too few wells.", verdict: "marginal" }],
    review: [
      { file: "C02_f1.tif", stem: "C02_f1", frame: 1, overlay: "class_overlays/C02_f1_t1.png", well: "C02", time: 8, doubt: 0.4, why: "3 of 20 nuclei are neither." },
      { file: "B02_f1.tif", stem: "B02_f1", frame: 0, overlay: "", well: "B02", time: 0, doubt: 0.02, why: "Nothing particular." },
    ],
    videos: ["videos/B02_1.mp4", "videos/C02_1.gif"], notes: ["Survival: 3 nuclei were seen once."], ...part,
  };
}
