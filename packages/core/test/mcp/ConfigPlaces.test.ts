import * as NodePath from "@effect/platform-node/NodePath"
import { Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigPlaces from "@lms-bridge/core/mcp/ConfigPlaces"
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

const pathsOn = (...args: Parameters<typeof placesOn>) =>
  Effect.map(placesOn(...args), (places) => places.map(({ path }) => path))

describe("ConfigPlaces", () => {
  it.effect("looks on Linux for the predecessor's files, and after them for those of other programs", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        (yield* placesOn("linux")).map(({ origin, path }) => [origin, path]),
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

  it.effect("knows where programs keep their settings on macOS and Windows", () =>
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

  it.effect("counts a place once, where it comes first, when the folders meet", () =>
    Effect.gen(function* () {
      const paths = yield* pathsOn("linux", { cwd: "/home/me" })
      assert.deepStrictEqual(paths, [...new Set(paths)])
      assert.strictEqual(paths[1], "/home/me/.mcp.json")
    })
  )

  it.effect("looks nowhere else when MCP_JSON_PATH says where, with ~ for the home directory", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pathsOn("linux", { override: "~/x.json", mode: "all" }), ["/home/me/x.json"])
      assert.deepStrictEqual(yield* pathsOn("win32", { override: "~\\x.json" }), ["C:\\Users\\me\\x.json"])
      assert.deepStrictEqual(yield* pathsOn("win32", { override: "x.json" }), ["D:\\work\\app\\x.json"])
      assert.deepStrictEqual(yield* pathsOn("linux", { override: "~other/x.json" }), [
        "/home/me/work/app/~other/x.json"
      ])
    })
  )
})
