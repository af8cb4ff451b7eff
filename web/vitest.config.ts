import { defineConfig } from "vitest/config";

// Tests lie beside what they test, as `camera.test.ts`; what needs no document may say `// @vitest-environment node`.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], maxWorkers: 2 },
});
