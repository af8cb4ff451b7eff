/** Areas of the classes of a run, and how they are shown in the image. */
import { current } from "../state/images";
import { legendParts, runClasses, runClassLook } from "../state/run_classes";
import { lookOf, setLook } from "../state/view";
import { areaText, percentText } from "./class_list";
import { Button } from "./controls";

export function ClassAreas() {
  const list = runClasses.value;
  if (list.length === 0 || !current.value) return null;
  const name = runClassLook.value;
  const look = lookOf(name);
  return (
    <section class="class-areas" aria-label="Areas of classes">
      <div class="row">
        <h2 class="small-title">Areas of classes</h2>
        <span class="spring" />
        <input
          type="range" min={5} max={100} value={Math.round(look.opacity * 100)} aria-label="Opacity of the classes" disabled={!look.visible}
          onInput={(event) => setLook(name, { opacity: Number(event.currentTarget.value) / 100 })}
        />
        <Button icon={look.visible ? "eye" : "eye_off"} label="Show the classes in the image" pressed={look.visible} onClick={() => setLook(name, { visible: !look.visible })} />
      </div>
      <table class="small-table">
        <thead><tr><th scope="col">Class</th><th scope="col" title="Of the analysed area">Share</th><th scope="col">Area</th></tr></thead>
        {legendParts(list).map((part) => (
          <tbody key={part.title}>
            {part.title && <tr><th scope="rowgroup" colSpan={3} class="legend-part">{part.title}</th></tr>}
            {part.classes.map((one) => (
              <tr key={one.id}>
                <th scope="row"><i class="swatch" style={{ background: one.colour }} />{one.name}</th>
                <td class="number">{percentText(one.area_fraction, 1)}</td>
                <td class="number">{areaText(one.area_px)}</td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </section>
  );
}
