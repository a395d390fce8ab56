import { describe, it } from "@effect/vitest"
import * as Cli from "#src/Cli.ts"
import { version } from "#src/version.ts"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { cli } from "../OverDoubles.ts"

const help = (...path: ReadonlyArray<string>) => Effect.runPromise(cli([...path, "--help"]))

describe("help", () => {
  it("has an overview with every command and the exit codes", async ({ expect }) => {
    const { code, err, out } = await help()
    expect(code).toBe(0)
    expect(err).toBe("")
    for (const path of Cli.commands) expect(out).toContain(path.join(" "))
    expect((await Effect.runPromise(cli([]))).out).toBe(out)
    await expect(`${out}\n`).toMatchFileSnapshot("__snapshots__/help.txt")
  })

  it("has a page for every command, on stdout and without colours where there is no terminal", async ({ expect }) => {
    const pages: Array<string> = []
    for (const path of Cli.commands) {
      const { code, out } = await help(...path)
      expect(code, path.join(" ")).toBe(0)
      expect(out).not.toContain("\u001b")
      expect(Math.max(...out.split("\n").map((line) => line.length)), path.join(" ")).toBeLessThanOrEqual(100)
      expect(out).not.toMatch(/wizard|EXIT CODES|may be repeated/)
      pages.push(out)
    }
    await expect(`${pages.join("\n\n---\n\n")}\n`).toMatchFileSnapshot("__snapshots__/commands.txt")
  })

  it("has an example of every command that is one", async ({ expect }) => {
    const groups = new Set(Cli.commands.flatMap((path) => (path.length > 1 ? [path[0]] : [])))
    for (const path of Cli.commands) {
      if (path.length === 1 && groups.has(path[0])) continue
      expect((await help(...path)).out, path.join(" ")).toMatch(/\nEXAMPLE\n\n {2}lms-bridge /)
    }
  })

  it("shows the usage in one line, with the values and defaults of options", async ({ expect }) => {
    const { out } = await help("run")
    expect(out).toContain("\n  lms-bridge run [OPTIONS] [TASK]\n")
    expect(out.replaceAll(/\s+/g, " ")).toMatch(
      /Default: LMS_BRIDGE_MAX_ROUNDS \(50\)\. A whole number from 1 to 10000\./
    )
    expect(out).not.toContain("user-defined")
    expect((await help("mcp", "call")).out).toContain("  lms-bridge mcp call [--json] NAME TOOL [JSON]\n")
    expect((await help("models")).out).toContain("  lms-bridge models COMMAND ...\n")
  })

  it("fits the terminal", async ({ expect }) => {
    for (const command of ["run", "models"]) {
      const { out } = await Effect.runPromise(cli([command, "--help"], { screen: { columns: 72 } }))
      expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(72)
    }
  })

  it("shows the version of the package", async ({ expect }) => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
    expect(version).toBe(manifest.version)
    expect((await Effect.runPromise(cli(["models", "--version"]))).out).toBe(version)
  })
})
