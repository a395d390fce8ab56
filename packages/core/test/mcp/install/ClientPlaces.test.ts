import * as NodePath from "@effect/platform-node/NodePath"
import { Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import * as ClientPlaces from "#src/mcp/install/ClientPlaces.ts"
import * as ClientRules from "#src/mcp/install/ClientRules.ts"

const nobody: ClientPlaces.Machine = {
  platform: "linux",
  cwd: "/work/app",
  home: undefined,
  appData: undefined,
  configHome: undefined,
  claudeHome: undefined,
  codexHome: undefined
}
const clineStorage = "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"
const linux = { ...nobody, home: "/home/me" }
const darwin = { ...nobody, platform: "darwin", home: "/Users/me" }
const windows = { ...nobody, platform: "win32", cwd: "C:\\app", home: "C:\\Users\\me" }

const places = (machine: ClientPlaces.Machine, scope: ClientPlaces.Scope) =>
  Effect.map(Path.Path, (path) =>
    Object.fromEntries(
      ClientRules.Client.literals.map((client) => [
        client,
        Either.match(ClientPlaces.places(path, client, scope, machine), {
          onLeft: (reason) => reason,
          onRight: (places) => places.join(" | ")
        })
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
        lmstudio: "/home/me/.lmstudio/mcp.json",
        codex: "/home/me/.codex/config.toml",
        opencode: "/home/me/.config/opencode/opencode.json | /home/me/.config/opencode/opencode.jsonc",
        gemini: "/home/me/.gemini/settings.json",
        copilot: "/home/me/.copilot/mcp-config.json",
        zed: "/home/me/.config/zed/settings.json",
        windsurf: "/home/me/.codeium/windsurf/mcp_config.json | /home/me/.codeium/mcp_config.json",
        cline: `/home/me/.cline/data/settings/cline_mcp_settings.json | /home/me/.config/${clineStorage}`,
        junie: "/home/me/.junie/mcp/mcp.json",
        goose: "/home/me/.config/goose/config.yaml"
      })
      const moved = yield* places({ ...linux, configHome: "/etc/me", claudeHome: "/claude" }, "user")
      assert.strictEqual(moved["vscode"], "/etc/me/Code/User/mcp.json")
      assert.strictEqual(moved["claude-code"], "/claude/.claude.json")
      assert.strictEqual(moved["goose"], "/etc/me/goose/config.yaml")
      assert.strictEqual((yield* places({ ...linux, codexHome: "/codex" }, "user"))["codex"], "/codex/config.toml")
    })
  )

  it.effect("on macOS", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* places(darwin, "user"), {
        "claude-code": "/Users/me/.claude.json",
        "claude-desktop": "/Users/me/Library/Application Support/Claude/claude_desktop_config.json",
        cursor: "/Users/me/.cursor/mcp.json",
        vscode: "/Users/me/Library/Application Support/Code/User/mcp.json",
        lmstudio: "/Users/me/.lmstudio/mcp.json",
        opencode: "/Users/me/.config/opencode/opencode.json | /Users/me/.config/opencode/opencode.jsonc",
        zed: "/Users/me/.config/zed/settings.json",
        cline: `/Users/me/.cline/data/settings/cline_mcp_settings.json | /Users/me/Library/Application Support/${clineStorage}`,
        goose: "/Users/me/.config/goose/config.yaml"
      })
    })
  )

  it.effect("on Windows", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* places({ ...windows, appData: "D:\\Roaming" }, "user"), {
        "claude-code": "C:\\Users\\me\\.claude.json",
        "claude-desktop": "D:\\Roaming\\Claude\\claude_desktop_config.json",
        cursor: "C:\\Users\\me\\.cursor\\mcp.json",
        vscode: "D:\\Roaming\\Code\\User\\mcp.json",
        lmstudio: "C:\\Users\\me\\.lmstudio\\mcp.json",
        codex: "C:\\Users\\me\\.codex\\config.toml",
        opencode: "C:\\Users\\me\\.config\\opencode\\opencode.json | C:\\Users\\me\\.config\\opencode\\opencode.jsonc",
        zed: "D:\\Roaming\\Zed\\settings.json",
        goose: "D:\\Roaming\\Block\\goose\\config\\config.yaml"
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
        lmstudio: "NoScope",
        codex: "/work/app/.codex/config.toml",
        opencode: "/work/app/opencode.json | /work/app/opencode.jsonc",
        gemini: "/work/app/.gemini/settings.json",
        copilot: "/work/app/.github/mcp.json",
        zed: "/work/app/.zed/settings.json",
        windsurf: "NoScope",
        cline: "NoScope",
        junie: "/work/app/.junie/mcp/mcp.json",
        goose: "NoScope"
      })
      assert.deepStrictEqual(new Set(Object.values(yield* places(nobody, "user"))), new Set(["NoHome"]))
    })
  )
})
