import * as NodePath from "@effect/platform-node/NodePath"
import { Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigPlaces from "#src/mcp/config/ConfigPlaces.ts"
import { Effect } from "effect"

const systems = {
  linux: { path: NodePath.layerPosix, cwd: "/home/me/work/app", home: "/home/me" },
  darwin: { path: NodePath.layerPosix, cwd: "/Users/me/work/app", home: "/Users/me" },
  win32: { path: NodePath.layerWin32, cwd: "D:\\work\\app", home: "C:\\Users\\me" }
}

const placesOn = (system: keyof typeof systems, changes: Partial<ConfigPlaces.PlaceOptions> = {}) => {
  const { cwd, home, path } = systems[system]
  const options = { mode: "first", system, override: undefined, home, cwd, appData: undefined, configHome: undefined }
  return Effect.map(Path.Path, (path) =>
    ConfigPlaces.places(path, { ...options, ...changes } as ConfigPlaces.PlaceOptions)
  ).pipe(Effect.provide(path))
}

/** Our own places and those of the programs that have been supported from the beginning. */
const usual = (places: ReadonlyArray<ConfigPlaces.Place>) =>
  places.filter(
    ({ origin, path }) =>
      ["LM Studio", "project", "home", "above", "Cursor", "Claude Desktop"].includes(origin) ||
      (origin === "VS Code" && path.endsWith("mcp.json"))
  )

const pathsOn = (...args: Parameters<typeof placesOn>) =>
  Effect.map(placesOn(...args), (places) => usual(places).map(({ path }) => path))

const overridden = (...args: Parameters<typeof placesOn>) =>
  Effect.map(placesOn(...args), (places) => places.map(({ path }) => path))

describe("ConfigPlaces", () => {
  it.effect("searches the predecessor's files on Linux, and after them those of other programs", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        usual(yield* placesOn("linux")).map(({ origin, path }) => [origin, path]),
        [
          ["LM Studio", "/home/me/.lmstudio/mcp.json"],
          ["project", "/home/me/work/app/.mcp.json"],
          ["home", "/home/me/.mcp.json"],
          ["above", "/home/me/work/.mcp.json"],
          ["VS Code", "/home/me/work/app/.vscode/mcp.json"],
          ["Cursor", "/home/me/work/app/.cursor/mcp.json"],
          ["Cursor", "/home/me/.cursor/mcp.json"],
          ["Claude Desktop", "/home/me/.config/Claude/claude_desktop_config.json"],
          ["VS Code", "/home/me/.config/Code/User/mcp.json"]
        ]
      )
    })
  )

  it.effect("puts the project before the user when all are merged", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pathsOn("linux", { mode: "all", configHome: "/conf" }), [
        "/home/me/work/app/.mcp.json",
        "/home/me/work/app/.vscode/mcp.json",
        "/home/me/work/app/.cursor/mcp.json",
        "/home/me/.lmstudio/mcp.json",
        "/home/me/.mcp.json",
        "/home/me/.cursor/mcp.json",
        "/conf/Claude/claude_desktop_config.json",
        "/conf/Code/User/mcp.json",
        "/home/me/work/.mcp.json"
      ])
    })
  )

  it.effect("knows where programs store their settings on macOS and Windows", () =>
    Effect.gen(function* () {
      assert.includeMembers(yield* pathsOn("darwin"), [
        "/Users/me/Library/Application Support/Claude/claude_desktop_config.json",
        "/Users/me/Library/Application Support/Code/User/mcp.json"
      ])
      assert.deepStrictEqual(yield* pathsOn("win32", { appData: "C:\\Users\\me\\AppData\\Roaming" }), [
        "C:\\Users\\me\\.lmstudio\\mcp.json",
        "D:\\work\\app\\.mcp.json",
        "C:\\Users\\me\\.mcp.json",
        "D:\\work\\.mcp.json",
        "D:\\work\\app\\.vscode\\mcp.json",
        "D:\\work\\app\\.cursor\\mcp.json",
        "C:\\Users\\me\\.cursor\\mcp.json",
        "C:\\Users\\me\\AppData\\Roaming\\Claude\\claude_desktop_config.json",
        "C:\\Users\\me\\AppData\\Roaming\\Code\\User\\mcp.json"
      ])
      assert.deepStrictEqual(
        yield* pathsOn("win32"),
        yield* pathsOn("win32", { appData: "C:\\Users\\me\\AppData\\Roaming" })
      )
    })
  )

  it.effect("counts a place once, at its first position, when folders coincide", () =>
    Effect.gen(function* () {
      const paths = yield* pathsOn("linux", { cwd: "/home/me" })
      assert.deepStrictEqual(paths, [...new Set(paths)])
      assert.strictEqual(paths[1], "/home/me/.mcp.json")
      // the user's own files there did not come with a folder
      const marked = (yield* placesOn("linux", { cwd: "/home/me" })).filter(({ onlyByName }) => onlyByName === true)
      assert.notIncludeMembers(
        marked.map(({ path }) => path),
        ["/home/me/.cursor/mcp.json", "/home/me/.gemini/settings.json", "/home/me/.codex/config.toml"]
      )
      assert.include(
        marked.map(({ path }) => path),
        "/home/me/opencode.json"
      )
    })
  )

  it.effect(
    "searches the files of other clients after all of these, those of the folder before those of the user",
    () =>
      Effect.gen(function* () {
        const found = (yield* placesOn("linux")).map(({ origin, path }) => [origin, path])
        const first = found.findIndex(([origin]) => origin === "Gemini CLI")
        assert.deepStrictEqual(
          found.slice(0, first).filter(([origin]) => origin === "above"),
          [["above", "/home/me/work/.mcp.json"]]
        )
        assert.includeDeepMembers(found, [
          ["Claude Code", "/home/me/.claude.json"],
          ["Codex", "/home/me/.codex/config.toml"],
          ["opencode", "/home/me/work/app/opencode.json"],
          ["opencode", "/home/me/.config/opencode/opencode.jsonc"],
          ["Windsurf", "/home/me/.codeium/windsurf/mcp_config.json"],
          ["Zed", "/home/me/.config/zed/settings.json"],
          ["Goose", "/home/me/.config/goose/config.yaml"],
          ["Copilot CLI", "/home/me/.copilot/mcp-config.json"]
        ])
        const named = yield* placesOn("linux", { claudeHome: "/c", codexHome: "/x", configHome: "/conf" })
        assert.includeMembers(
          named.map(({ path }) => path),
          ["/c/.claude.json", "/x/config.toml", "/conf/goose/config.yaml"]
        )
        const windows = yield* placesOn("win32")
        assert.includeMembers(
          windows.map(({ path }) => path),
          [
            "C:\\Users\\me\\AppData\\Roaming\\Block\\goose\\config\\config.yaml",
            "C:\\Users\\me\\AppData\\Roaming\\Zed\\settings.json"
          ]
        )
      })
  )

  it.effect("searches nothing but MCP_JSON_PATH if it is set, with ~ for the home directory", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* overridden("linux", { override: "~/x.json", mode: "all" }), ["/home/me/x.json"])
      assert.deepStrictEqual(yield* overridden("win32", { override: "~\\x.json" }), ["C:\\Users\\me\\x.json"])
      assert.deepStrictEqual(yield* overridden("win32", { override: "x.json" }), ["D:\\work\\app\\x.json"])
      assert.deepStrictEqual(yield* overridden("linux", { override: "~other/x.json" }), [
        "/home/me/work/app/~other/x.json"
      ])
    })
  )
})
