import { assert, describe, it } from "@effect/vitest"
import { SettingsInvalid } from "@lms-bridge/core/Settings"
import { LmsCliError } from "@lms-bridge/core/LmsCli"
import * as LmStudioApi from "@lms-bridge/core/LmStudioApi"
import * as McpRegistry from "@lms-bridge/core/McpRegistry"
import { ModelInUse } from "@lms-bridge/core/ModelLifecycle"
import { CircuitOpen } from "@lms-bridge/core/Resilience"
import { Duration } from "effect"
import { readFileSync } from "node:fs"
import { ExitCode, meanings, ofFailure, ofOutcome, UsageError } from "#src/ExitCode.ts"
import { OutputClosed } from "#src/terminal/Screen.ts"

const lms = (reason: LmsCliError["reason"]) => new LmsCliError({ reason, subcommand: "load" })
const timeout = (phase: LmStudioApi.RequestTimeout["phase"]) =>
  new LmStudioApi.RequestTimeout({ operation: "chat", phase, limit: Duration.seconds(1), delivered: 0 })

describe("ExitCode", () => {
  it("has the documented numbers, each with a meaning", () => {
    assert.deepStrictEqual(
      meanings.map(([code]) => code),
      [0, 1, 2, 3, 4, 5, 6, 130, 141, 143]
    )
    assert.deepStrictEqual(new Set(meanings.map(([code]) => code)), new Set(Object.values(ExitCode)))
  })

  it("has its table in the README", () => {
    const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")
    assert.include(readme, meanings.map(([code, meaning]) => `| ${code} | ${meaning} |`).join("\n"))
  })

  it("depends on what the failure is about", () => {
    const serverMessage = ""
    const cases = [
      [2, new UsageError({ problem: "no" })],
      [2, new SettingsInvalid({ problems: [] })],
      [2, lms("BadArgument")],
      [3, new LmStudioApi.LmStudioUnreachable({ baseUrl: "http://x", reason: "Refused" })],
      [3, new CircuitOpen({ name: "x", retryAfter: Duration.seconds(1) })],
      [3, timeout("Connect")],
      [3, lms("NotRunning")],
      [4, new LmStudioApi.ModelNotFound({ model: "x", available: [], nearest: [] })],
      [4, new LmStudioApi.ModelNotLoaded({})],
      [4, new LmStudioApi.ModelLoadRefused({ model: "x", couldUnload: [], serverMessage })],
      [4, new LmStudioApi.ModelLoadFailed({ model: "x", reason: "Engine", serverMessage })],
      [4, new LmStudioApi.ModelCrashed({ model: "x", reason: "Crashed", serverMessage })],
      [4, new LmStudioApi.WrongModelAnswered({ asked: "x", answered: "y" })],
      [4, lms("ModelNotFound")],
      [4, lms("LoadRefused")],
      [6, new McpRegistry.McpConfigInvalid({ path: "x", reason: "NotJson", detail: "" })],
      [6, new McpRegistry.McpServerNotFound({ server: "x", available: [], nearest: [] })],
      [6, new McpRegistry.McpEntryUnusable({ server: "x", path: "y", reason: "Disabled", detail: "" })],
      [6, new McpRegistry.McpServerUnavailable({ server: "x", reason: "Exited", detail: "", stderrTail: "" })],
      [1, new McpRegistry.McpCallFailed({ server: "x", tool: "y", reason: "Timeout", detail: "" })],
      [1, new ModelInUse({ instanceId: "x", reason: "Busy" })],
      [1, new LmStudioApi.Unauthorized({ reason: "Missing", serverMessage })],
      [1, timeout("FirstByte")],
      [1, lms("Timeout")],
      [141, new OutputClosed()]
    ] as const
    for (const [code, failure] of cases) assert.strictEqual(ofFailure(failure), code, failure._tag)
  })

  it("ends a run by its outcome: 5 when a budget or a stall ended it, the failure's own code when it failed", () => {
    assert.strictEqual(ofOutcome({ status: "done" }), 0)
    assert.strictEqual(ofOutcome({ status: "budget" }), 5)
    assert.strictEqual(ofOutcome({ status: "stalled" }), 5)
    assert.strictEqual(ofOutcome({ status: "failed", problem: { tag: "LmStudioUnreachable", message: "" } }), 3)
    assert.strictEqual(ofOutcome({ status: "failed", problem: { tag: "StreamCut", message: "" } }), 1)
    assert.strictEqual(ofOutcome({ status: "failed" }), 1)
  })
})
