/** Where the page starts. */
import { render } from "preact";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element #app");
render(<p>granum</p>, root);
