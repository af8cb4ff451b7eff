// @vitest-environment node
import { beforeEach, expect, test } from "vitest";
import type { ToolName } from "./interface";
import { keyAction } from "./keys";
import { Tools, wheelFactor, type Pointer, type ToolHost } from "./tools";

let said: [string, ...unknown[]][] = [];
let tools: Tools;
let time = 0;

function of(name: string): unknown[][] {
  return said.filter(([what]) => what === name).map(([, ...rest]) => rest);
}

function pointer(y: number, x: number, change: Partial<Pointer> = {}): Pointer {
  return { id: 1, kind: "mouse", button: 0, y, x, shift: false, ctrl: false, time: (time += 10), ...change };
}

function use(name: ToolName, radius = 3): void {
  tools.setTool({ name, radius, classId: 2, colour: "#112233" });
}

function drag(points: [number, number][], change: Partial<Pointer> = {}): void {
  const [first, ...rest] = points as [[number, number], ...[number, number][]];
  tools.down(pointer(...first, change));
  for (const point of rest) tools.move([pointer(...point, change)]);
  tools.up(pointer(...points.at(-1)!, change));
}

function click(y: number, x: number, change: Partial<Pointer> = {}): void {
  drag([[y, x]], change);
}

beforeEach(() => {
  said = [];
  const tell = (what: string) => (...rest: unknown[]): void => void said.push([what, ...rest]);
  const host: ToolHost = {
    // the picture is shown at twice its size
    toImage: (y, x) => [y / 2, x / 2],
    imageSize: () => ({ height: 100, width: 100 }),
    panBy: tell("pan"), zoomAt: tell("zoom"), inkBegin: tell("ink"), inkExtend: tell("extend"), inkDrop: tell("drop"),
    stroke: tell("stroke"), shape: tell("shape"), pick: tell("pick"), sketchChanged: () => undefined,
  };
  tools = new Tools(host);
  time += 10_000;
});

test("a brush stroke is sent with the points of the pointer in image pixels, and has its ink from the first moment", () => {
  use("brush");
  tools.down(pointer(20, 20));
  expect(of("ink")).toEqual([[expect.any(String), [[10, 10]], 3, "path"]]);
  // two points that the browser put into one event
  tools.move([pointer(20, 30), pointer(20, 40)]);
  tools.up(pointer(20, 40));
  const [[stroke]] = of("stroke") as [[Record<string, unknown>]];
  expect(stroke).toMatchObject({ tool: "brush", class_id: 2, radius: 3, points: [[10, 10], [10, 15], [10, 20]] });
  expect(stroke["id"]).toBe(of("ink")[0]![0]);
});

test("the eraser paints class 0", () => {
  use("eraser");
  drag([[20, 20], [30, 30]]);
  expect(of("stroke")[0]![0]).toMatchObject({ tool: "eraser", class_id: 0 });
});

test("a stroke that stays outside of the image is dropped, one that reaches into it is not", () => {
  use("brush", 3);
  drag([[-30, 20], [-30, 40]]);
  expect(of("stroke")).toEqual([]);
  expect(of("drop").length).toBe(1);
  drag([[-6, 20], [-6, 40]]);
  expect(of("stroke").length).toBe(1);
});

test("Escape drops a stroke: nothing is sent, its ink is gone", () => {
  use("brush");
  tools.down(pointer(20, 20));
  tools.move([pointer(20, 40)]);
  expect(tools.cancel()).toBe(true);
  tools.up(pointer(20, 40));
  expect(of("stroke")).toEqual([]);
  expect(of("drop").length).toBe(1);
  expect(tools.cancel()).toBe(false);
});

test("a pointer that the browser takes away ends in nothing", () => {
  use("brush");
  tools.down(pointer(20, 20));
  tools.lost(1);
  tools.up(pointer(20, 40));
  expect(of("stroke")).toEqual([]);
  expect(of("drop").length).toBe(1);
});

test("the middle button and Space pan with every tool", () => {
  for (const name of ["brush", "polygon", "select", "lasso", "fill"] as const) {
    use(name);
    said = [];
    drag([[20, 20], [25, 40]], { button: 1 });
    tools.hold(true);
    drag([[20, 20], [25, 40]]);
    tools.hold(false);
    expect(of("pan"), name).toEqual([[5, 20], [5, 20]]);
    expect(said.filter(([what]) => what !== "pan"), name).toEqual([]);
  }
});

test("the right button does nothing", () => {
  use("brush");
  drag([[20, 20], [25, 40]], { button: 2 });
  expect(said).toEqual([]);
});

test("a click picks, with Shift or Ctrl it extends, a drag pans and picks nothing", () => {
  use("select");
  click(20, 40);
  click(20, 40, { shift: true });
  click(20, 40, { ctrl: true });
  expect(of("pick")).toEqual([[10, 20, false], [10, 20, true], [10, 20, true]]);
  drag([[20, 20], [20, 22], [20, 40]]);
  expect(of("pick").length).toBe(3);
  expect(of("pan")).toEqual([[0, 20]]);
});

test("a fill is one point inside of the image", () => {
  use("fill");
  click(20, 40);
  click(-20, 40);
  expect(of("stroke").map(([stroke]) => stroke)).toMatchObject([{ tool: "fill", class_id: 2, points: [[10, 20]] }]);
});

test("a polygon is closed by a double click, which adds no corner twice", () => {
  use("polygon");
  for (const [y, x] of [[20, 20], [20, 80], [80, 80]] as const) {
    click(y, x);
    time += 1000;
  }
  click(80, 20);
  click(80, 20);
  expect(of("stroke").map(([stroke]) => stroke)).toMatchObject([{ tool: "polygon", points: [[10, 10], [10, 40], [40, 40], [40, 10]] }]);
  expect(tools.sketch()).toBeNull();
});

test("Enter closes a polygon, Backspace takes a corner back, Escape drops it", () => {
  use("polygon");
  const corners = (): void => {
    for (const [y, x] of [[20, 20], [20, 80], [80, 80], [60, 60]] as const) {
      click(y, x);
      time += 1000;
    }
  };
  corners();
  expect(tools.stepBack()).toBe(true);
  expect(tools.close()).toBe(true);
  expect(of("stroke")[0]![0]).toMatchObject({ points: [[10, 10], [10, 40], [40, 40]] });
  corners();
  expect(tools.cancel()).toBe(true);
  expect(tools.close()).toBe(false);
  expect(of("stroke").length).toBe(1);
});

test("two corners are no polygon", () => {
  use("polygon");
  click(20, 20);
  time += 1000;
  click(20, 80);
  tools.close();
  expect(of("stroke")).toEqual([]);
});

test("moving the picture in between does not lose a polygon, another tool does", () => {
  use("polygon");
  click(20, 20);
  use("pan");
  drag([[0, 0], [5, 5]]);
  use("polygon");
  expect(tools.drawing).toBe(true);
  use("brush");
  expect(tools.drawing).toBe(false);
});

test("lasso, cut, drawing and erasure come as shapes; a drawing is closed", () => {
  const path: [number, number][] = [[20, 20], [20, 80], [80, 80]];
  for (const name of ["lasso", "split", "draw", "erase"] as const) {
    use(name, 7);
    drag(path);
  }
  const open = [[10, 10], [10, 40], [40, 40]];
  expect(of("shape")).toEqual([["lasso", open, 0], ["split", open, 0], ["draw", [...open, [10, 10]], 0], ["erase", open, 7]]);
  use("lasso");
  click(20, 20);
  use("split");
  click(20, 20);
  expect(of("shape").length).toBe(4);
});

const finger = (id: number): Partial<Pointer> => ({ id, kind: "touch" });

test("two fingers zoom and pan, and what the first began is dropped", () => {
  use("brush");
  tools.down(pointer(20, 20, finger(1)));
  tools.down(pointer(20, 60, finger(2)));
  expect(of("drop").length).toBe(1);
  tools.move([pointer(20, 100, finger(2))]);
  expect(of("zoom")).toEqual([[2, 20, 60]]);
  expect(of("pan")).toEqual([[0, 20]]);
  tools.up(pointer(20, 100, finger(2)));
  tools.move([pointer(60, 20, finger(1))]);
  tools.up(pointer(60, 20, finger(1)));
  expect(of("stroke")).toEqual([]);
  drag([[20, 20], [20, 40]], finger(3));
  expect(of("stroke").length).toBe(1);
});

test("a second finger late in a stroke is the hand: the stroke goes on", () => {
  use("brush");
  tools.down(pointer(20, 20, finger(1)));
  time += 500;
  tools.down(pointer(90, 90, finger(2)));
  tools.move([pointer(20, 40, finger(1))]);
  tools.up(pointer(90, 90, finger(2)));
  tools.up(pointer(20, 40, finger(1)));
  expect(of("stroke")[0]![0]).toMatchObject({ points: [[10, 10], [10, 20]] });
  expect(of("zoom")).toEqual([]);
});

test("a hand beside the pen counts for nothing", () => {
  use("brush");
  tools.down(pointer(20, 20, { id: 9, kind: "pen" }));
  tools.down(pointer(90, 90, finger(2)));
  tools.move([pointer(20, 40, { id: 9, kind: "pen" })]);
  tools.up(pointer(20, 40, { id: 9, kind: "pen" }));
  tools.up(pointer(90, 90, finger(2)));
  expect(of("stroke").length).toBe(1);
  expect(of("zoom")).toEqual([]);
});

test("two fingers that pinch neither fill nor pick", () => {
  for (const name of ["fill", "select", "polygon"] as const) {
    use(name);
    tools.down(pointer(20, 20, finger(1)));
    tools.down(pointer(20, 60, finger(2)));
    tools.up(pointer(20, 60, finger(2)));
    tools.up(pointer(20, 20, finger(1)));
  }
  expect([...of("stroke"), ...of("pick")]).toEqual([]);
  expect(tools.drawing).toBe(false);
});

test("the wheel zooms in steps that undo each other, whatever the device reports", () => {
  for (const [delta, mode, pinch] of [[120, 0, false], [3, 1, false], [1, 2, false], [4, 0, true]] as const) {
    const out = wheelFactor(delta, mode, pinch);
    expect(out).toBeLessThan(1);
    expect(out).toBeGreaterThan(0.45);
    expect(out * wheelFactor(-delta, mode, pinch)).toBeCloseTo(1, 12);
  }
  expect(wheelFactor(1e9, 2, false)).toBeGreaterThan(0.4);
});

test("keys: letters and Ctrl belong to the page", () => {
  const key = (name: string, change = {}) => keyAction({ key: name, type: "keydown", ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...change });
  expect(key("f")).toBeNull();
  expect(key("0", { ctrlKey: true })).toBeNull();
  expect(key("0")).toEqual({ kind: "fit" });
  expect(key("ArrowLeft")).toEqual({ kind: "pan", dy: 0, dx: 80 });
  expect(key(" ")).toEqual({ kind: "hold", held: true });
  expect(key(" ", { type: "keyup", ctrlKey: true })).toEqual({ kind: "hold", held: false });
  expect(key("+", { type: "keyup" })).toBeNull();
});
