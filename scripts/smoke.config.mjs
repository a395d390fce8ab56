// `npm run smoke`: the tests of the built executables, apart from `npm test` because they need a build.
import { defineConfig } from "vitest/config"
import { inRoot } from "./workspace.mjs"

export default defineConfig({
  root: inRoot("scripts"),
  cacheDir: inRoot("node_modules", ".vite"),
  test: {
    include: ["smoke.test.mjs"],
    testTimeout: 90_000,
    reporters: ["verbose", "json"],
    outputFile: { json: inRoot("reports", "smoke.json") }
  }
})
