// `npm test`: sets the workspace up if need be and runs all tests; further arguments go to vitest.
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
