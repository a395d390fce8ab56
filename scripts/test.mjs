// `npm test`: sets up the workspace if necessary and runs all tests; further arguments are passed to vitest.
import { rmSync } from "node:fs"
import { makeReady } from "./ready.mjs"
import { fail, inRoot, run, tool } from "./workspace.mjs"

await makeReady().catch((error) => fail(error.message))

const report = inRoot("reports", "vitest.json")
rmSync(report, { force: true })

const { code } = await run(
  tool("vitest"),
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { show: true }
)
process.exit(code)
