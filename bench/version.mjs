// The shortest command of the command line, beside the start of Node itself.
import { executables, inRoot } from "../scripts/workspace.mjs"
import { interleaved, toExit } from "./measure.mjs"

export const title = "start-up of lms-bridge"

export const run = async ({ rounds }) => {
  const { file } = executables.find(({ name }) => name === "lms-bridge")
  const variants = { ours: { args: [inRoot(file), "--version"] }, node: { args: ["-e", "0"] } }
  const result = await interleaved(variants, rounds, toExit)
  return [
    { what: "lms-bridge --version", unit: "ms", measured: result.ours, beside: "node -e 0", reference: result.node }
  ]
}
