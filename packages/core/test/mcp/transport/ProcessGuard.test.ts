import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { build } from "esbuild"
import { spawn, type ChildProcess } from "node:child_process"
import { existsSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { eventually, marker, misbehaving, processesWith } from "../realServers.ts"

const bundle = async () => {
  const outfile = join(mkdtempSync(join(tmpdir(), "lms-bridge-")), "bridge.mjs")
  await build({
    entryPoints: [fileURLToPath(new URL("../../fixtures/bridge.ts", import.meta.url))],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    conditions: ["@lms-bridge/source"],
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);"
    },
    logLevel: "silent"
  })
  return outfile
}

let bundling: Promise<string> | undefined
const bundled = Effect.promise(() => (bundling ??= bundle()))

/** A program with these servers connected, which the test ends. */
const program = Effect.fnUntraced(function* (servers: Record<string, unknown>) {
  const file = yield* bundled
  const path = join(mkdtempSync(join(tmpdir(), "lms-bridge-")), "mcp.json")
  writeFileSync(path, JSON.stringify({ mcpServers: servers }))
  const child = spawn(process.execPath, [file], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, MCP_JSON_PATH: path }
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
  yield* Effect.async<void>((resume) => {
    child.stdout.on("data", (text: Buffer) => {
      if (text.toString().includes("connected")) resume(Effect.void)
    })
  })
  return child
})

const exited = (child: ChildProcess) =>
  Effect.async<number | null>((resume) => {
    child.once("exit", (code) => resume(Effect.succeed(code)))
  })

/** A server that only SIGKILL ends, with a child; one that npx started; and one in npm's shell wrapper. */
const stubborn = (own: string) => {
  const rude = misbehaving("--ignore-eof", "--ignore-sigterm", "--grandchild", own)
  const folder = mkdtempSync(join(tmpdir(), "lms-bridge-"))
  const script = join(folder, "package.json")
  writeFileSync(script, JSON.stringify({ name: "stubborn", version: "1.0.0", bin: { stubborn: "./stubborn.sh" } }))
  writeFileSync(
    join(folder, "stubborn.sh"),
    `#!/bin/sh\n"${rude.command}" ${rude.args.map((arg) => `"${arg}"`).join(" ")}\n`,
    {
      mode: 0o755
    }
  )
  return {
    rude,
    npx: { command: "npx", args: ["--offline", "--yes", folder], env: { npm_config_cache: join(folder, "cache") } }
  }
}

describe("ProcessGuard", () => {
  it.scopedLive("leaves no server behind when the bridge itself is killed with SIGKILL", () =>
    Effect.gen(function* () {
      const own = marker()
      const child = yield* program(stubborn(own))
      assert.isAtLeast(processesWith(own).length, 2)
      const gone = yield* Effect.fork(exited(child))
      child.kill("SIGKILL")
      yield* gone
      yield* eventually(() => processesWith(own).length === 0)
    })
  )

  it.scopedLive("gives a server time to put its things in order when the bridge is killed", () =>
    Effect.gen(function* () {
      const file = join(mkdtempSync(join(tmpdir(), "lms-bridge-")), "goodbye")
      const child = yield* program({ tidy: misbehaving("--ignore-eof", `--goodbye=${file}`) })
      child.kill("SIGKILL")
      yield* eventually(() => existsSync(file))
    })
  )

  it.scopedLive("leaves no server behind when the bridge is asked to end", () =>
    Effect.gen(function* () {
      const own = marker()
      const child = yield* program(stubborn(own))
      const gone = yield* Effect.fork(exited(child))
      child.kill("SIGTERM")
      yield* gone
      assert.deepStrictEqual(processesWith(own), [])
    })
  )
})
