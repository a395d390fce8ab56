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
      pages.push(out.split("Every command accepts")[0]?.trimEnd() ?? "")
    }
    await expect(`${pages.join("\n\n---\n\n")}\n`).toMatchFileSnapshot("__snapshots__/commands.txt")
  })

  it("shows the whole usage, with the values and defaults of options", async ({ expect }) => {
    const { out } = await help("run")
    expect(out).toContain("  lms-bridge run [--mcp NAME]... [--all-mcps]")
    expect(out).toMatch(/Default: LMS_BRIDGE_MAX_ROUNDS \(50\)\. A whole number from 1 to 10000\./)
    expect(out).not.toContain("user-defined")
    expect((await help("mcp", "call")).out).toContain("  lms-bridge mcp call ")
    expect((await help("models")).out).toContain("  lms-bridge models COMMAND ...")
  })

  it("shows the version of the package", async ({ expect }) => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
    expect(version).toBe(manifest.version)
    expect((await Effect.runPromise(cli(["models", "--version"]))).out).toBe(version)
  })
})
