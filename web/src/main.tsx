/** Where the page starts. */
import { render } from "preact";
import { App } from "./panels/app";
import { startSession } from "./state/session";
import "./styles/tokens.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/panels.css";
import "./styles/results.css";
import "./styles/learn.css";
import "./styles/assay.css";
import "./styles/setup.css";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element #app");
render(<App />, root);
startSession();
