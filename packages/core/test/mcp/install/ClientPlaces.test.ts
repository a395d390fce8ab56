import * as NodePath from "@effect/platform-node/NodePath"
import { Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import * as ClientPlaces from "#src/mcp/install/ClientPlaces.ts"

const nobody: ClientPlaces.Machine = {
  platform: "linux",
  cwd: "/work/app",
  home: undefined,
  appData: undefined,
  configHome: undefined,
  claudeHome: undefined
}
const linux = { ...nobody, home: "/home/me" }
const darwin = { ...nobody, platform: "darwin", home: "/Users/me" }
const windows = { ...nobody, platform: "win32", cwd: "C:\\app", home: "C:\\Users\\me" }

const places = (machine: ClientPlaces.Machine, scope: ClientPlaces.Scope) =>
  Effect.map(Path.Path, (path) =>
    Object.fromEntries(
      ClientPlaces.Client.literals.map((client) => [
        client,
        Either.merge(ClientPlaces.place(path, client, scope, machine))
      ])
    )
  ).pipe(Effect.provide(machine.platform === "win32" ? NodePath.layerWin32 : NodePath.layerPosix))

describe("where clients store their servers", () => {
  it.effect("on Linux, also when the settings folder is elsewhere", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* places(linux, "user"), {
        "claude-code": "/home/me/.claude.json",
        "claude-desktop": "/home/me/.config/Claude/claude_desktop_config.json",
        cursor: "/home/me/.cursor/mcp.json",
        vscode: "/home/me/.config/Code/User/mcp.json",
        lmstudio: "/home/me/.lmstudio/mcp.json"
      })
      const moved = yield* places({ ...linux, configHome: "/etc/me", claudeHome: "/claude" }, "user")
      assert.strictEqual(moved["vscode"], "/etc/me/Code/User/mcp.json")
      assert.strictEqual(moved["claude-code"], "/claude/.claude.json")
    })
  )

  it.effect("on macOS", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* places(darwin, "user"), {
        "claude-code": "/Users/me/.claude.json",
        "claude-desktop": "/Users/me/Library/Application Support/Claude/claude_desktop_config.json",
        cursor: "/Users/me/.cursor/mcp.json",
        vscode: "/Users/me/Library/Application Support/Code/User/mcp.json",
        lmstudio: "/Users/me/.lmstudio/mcp.json"
      })
    })
  )

  it.effect("on Windows", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* places({ ...windows, appData: "D:\\Roaming" }, "user"), {
        "claude-code": "C:\\Users\\me\\.claude.json",
        "claude-desktop": "D:\\Roaming\\Claude\\claude_desktop_config.json",
        cursor: "C:\\Users\\me\\.cursor\\mcp.json",
        vscode: "D:\\Roaming\\Code\\User\\mcp.json",
        lmstudio: "C:\\Users\\me\\.lmstudio\\mcp.json"
      })
      const { "claude-desktop": desktop } = yield* places(windows, "user")
      assert.strictEqual(desktop, "C:\\Users\\me\\AppData\\Roaming\\Claude\\claude_desktop_config.json")
    })
  )

  it.effect("in a project, if the client supports projects; nowhere without a home", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* places(nobody, "project"), {
        "claude-code": "/work/app/.mcp.json",
        "claude-desktop": "NoScope",
        cursor: "/work/app/.cursor/mcp.json",
        vscode: "/work/app/.vscode/mcp.json",
        lmstudio: "NoScope"
      })
      assert.deepStrictEqual(new Set(Object.values(yield* places(nobody, "user"))), new Set(["NoHome"]))
    })
  )
})
