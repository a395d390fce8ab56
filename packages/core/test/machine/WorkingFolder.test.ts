import { NodeContext } from "@effect/platform-node"
import { FileSystem, Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { judge, type Machine } from "#src/machine/WorkingFolder.ts"
import { WorkingFolders } from "#src/machine/WorkingFolders.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { ConfigProvider, Effect, Layer, Option } from "effect"
import { posix, win32 } from "node:path"

const machine = ({ dirname, isAbsolute, join, relative, sep }: typeof posix, home: string | undefined): Machine => ({
  separator: sep,
  relative,
  isAbsolute,
  dirname,
  join,
  home
})

const unix = machine(posix, "/home/me")
const mac = machine(posix, "/Users/me")
const root = machine(posix, "/root")
const windows = machine(win32, "C:\\Users\\me")

describe("WorkingFolder", () => {
  it("allows the user's own folders, and those that belong to nobody", () => {
    for (const [folder, where] of [
      ["/home/me/project", unix],
      ["/home/me/etc", unix],
      ["/home/me/.sshd", unix],
      ["/home/shared/data", unix],
      ["/etcetera", unix],
      ["/tmp/x", unix],
      ["/opt/app", unix],
      ["/var/www/site", unix],
      ["/usr/local/src", unix],
      ["/root/project", root],
      ["/home/node/project", root],
      ["/private/tmp/x", mac],
      ["/Users/Shared/x", mac],
      ["D:\\work", windows],
      ["C:\\Users\\me\\code", windows]
    ] as const) {
      assert.strictEqual(judge(folder, where), undefined, folder)
    }
  })

  it("refuses the machine, its system, keys and other people's homes", () => {
    for (const [folder, where, reason] of [
      ["/", unix, "Root"],
      ["C:\\", windows, "Root"],
      ["/etc", unix, "System"],
      ["/etc/ssl", unix, "System"],
      ["/ETC", mac, "System"],
      ["/proc/1", unix, "System"],
      ["/usr", unix, "System"],
      ["/usr/sbin", unix, "System"],
      ["/root", unix, "System"],
      ["/srv/copy/.ssh", unix, "Secrets"],
      ["/mnt/old/.aws/sso", unix, "Secrets"],
      ["/home", { ...unix, home: "/srv/me" }, "AllHomes"],
      ["/Users", { ...unix, home: undefined }, "AllHomes"],
      ["/var/lib/docker", unix, "System"],
      ["/private/etc", mac, "System"],
      ["C:\\Windows\\System32", windows, "System"],
      ["c:\\program files\\x", windows, "System"],
      ["/home/me/.ssh", unix, "Secrets"],
      ["/home/me/.ssh/keys", unix, "Secrets"],
      ["/home/me", unix, "HoldsSecrets"],
      ["/root", root, "HoldsSecrets"],
      ["C:\\Users\\me", windows, "HoldsSecrets"],
      ["/home/me/.config", unix, "HoldsSecrets"],
      ["/home/me/.claude/projects", unix, "Secrets"],
      ["/home/me/.lmstudio", unix, "Secrets"],
      ["/home/me/.lms-bridge/runs", unix, "Secrets"],
      ["/home/me/.codex", unix, "Secrets"],
      ["/data/bridge/runs", { ...unix, secrets: ["/data/bridge"] }, "Secrets"],
      ["/data", { ...unix, secrets: ["/data/bridge"] }, "HoldsSecrets"],
      ["/home/me/mine", { ...unix, secrets: ["/home/me/mine/data"] }, "HoldsSecrets"],
      ["/home/me/Library", unix, "HoldsSecrets"],
      ["/Users/me/.SSH", mac, "Secrets"],
      ["/root/.gnupg", root, "Secrets"],
      ["C:\\Users\\me\\AppData\\Roaming\\Microsoft\\Credentials", windows, "Secrets"],
      ["/home/you", unix, "OthersHome"],
      ["/home/you/project", unix, "OthersHome"],
      ["C:\\Users\\you", windows, "OthersHome"],
      ["/home", unix, "AllHomes"],
      ["/Users", mac, "AllHomes"]
    ] as const) {
      assert.strictEqual(judge(folder, where), reason, folder)
    }
  })
})

/** A home with a project, a file, a folder of keys, and links out of the project. */
const withHome = Effect.fnUntraced(
  function* <A, E>(
    test: (at: {
      readonly home: string
      readonly resolve: (...folders: ReadonlyArray<string>) => ReturnType<(typeof WorkingFolders.Service)["resolve"]>
    }) => Effect.Effect<A, E, FileSystem.FileSystem>,
    workingDir?: string
  ) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const home = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
    yield* Effect.forEach(["project/src", ".ssh", "kept/data/runs"], (folder) =>
      fs.makeDirectory(path.join(home, folder), { recursive: true })
    )
    yield* fs.writeFileString(path.join(home, "file.txt"), "")
    yield* fs.symlink(path.join(home, ".ssh"), path.join(home, "project/keys"))
    yield* fs.symlink("/etc", path.join(home, "project/conf"))
    yield* fs.symlink(path.join(home, "project"), path.join(home, "link"))
    const layer = WorkingFolders.layer.pipe(
      Layer.provide(
        Settings.layerWith({
          workingDir: Option.map(Option.fromNullable(workingDir), (dir) => path.join(home, dir)),
          dataDir: Option.some(path.join(home, "kept/data"))
        })
      ),
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HOME", home]]))))
    )
    const folders = yield* Effect.provide(WorkingFolders, layer)
    return yield* test({ home, resolve: (...given) => folders.resolve(given) })
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

describe("WorkingFolders", () => {
  it.live("keeps a model out of our own data folder", () =>
    withHome(({ resolve }) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(resolve("~/kept/data/runs"))).reason, "Secrets")
        assert.strictEqual((yield* Effect.flip(resolve("~/kept"))).reason, "HoldsSecrets")
      })
    )
  )

  it.live("follows links, expands ~, and returns each folder once", () =>
    withHome(({ home, resolve }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* resolve("~/link", `${home}/project/../project`, "~/project/src"), [
          `${home}/project`,
          `${home}/project/src`
        ])
      })
    )
  )

  it.live("uses the configured folder when none is named, and resolves relative paths there", () =>
    withHome(
      ({ home, resolve }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* resolve(), [`${home}/project`])
          assert.deepStrictEqual(yield* resolve("src"), [`${home}/project/src`])
        }),
      "project"
    )
  )

  it.live("judges a link by its target, and names the target", () =>
    withHome(({ home, resolve }) =>
      Effect.gen(function* () {
        const keys = yield* Effect.flip(resolve("~/project/keys"))
        assert.strictEqual(
          keys.message,
          `"~/project/keys", which is ${home}/.ssh, is where keys and passwords are kept, so no model may work in it. Name another folder.`
        )
        assert.strictEqual((yield* Effect.flip(resolve("~/project/conf"))).reason, "System")
      })
    )
  )

  it.live("refuses the home, however it is written, and a folder that looks like one", () =>
    withHome(({ home, resolve }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.makeDirectory(`${home}/project/backup/.aws`, { recursive: true })
        const given = [
          "~",
          home,
          "~/project/..",
          `${home}/./`,
          `file://${home}`,
          `file://${home}/pro%6aect/..`,
          "~/project/backup"
        ]
        for (const folder of given) {
          const refused = yield* Effect.flip(resolve(folder))
          assert.strictEqual(refused.reason, "HoldsSecrets", folder)
          assert.include(refused.message, "keys and passwords")
        }
        assert.strictEqual((yield* Effect.flip(resolve(`file://${home}/.ssh`))).reason, "Secrets")
        assert.strictEqual((yield* Effect.flip(resolve("file://other/share"))).reason, "NotAPath")
        assert.deepStrictEqual(yield* resolve(`file://${home}/project/src`), [`${home}/project/src`])
      })
    )
  )

  it.live("refuses all when one of them is missing, a file, or not a path", () =>
    withHome(({ home, resolve }) =>
      Effect.gen(function* () {
        const reasons = yield* Effect.forEach([`${home}/nowhere`, "~/file.txt", " ", "a\0b"], (folder) =>
          Effect.map(Effect.flip(resolve("~/project", folder)), ({ reason }) => reason)
        )
        assert.deepStrictEqual(reasons, ["NotFound", "NotAFolder", "NotAPath", "NotAPath"])
      })
    )
  )
})
