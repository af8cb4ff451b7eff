import { render } from "preact";
import { expect, test } from "vitest";

test("jsx renders with preact", () => {
  const place = document.createElement("div");
  render(<p class="x">granum</p>, place);
  expect(place.innerHTML).toBe('<p class="x">granum</p>');
});
