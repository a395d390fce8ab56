/** A backup on one machine, restored on another: nothing is lost, nothing newer is overwritten, damage is told. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either, Layer, Option } from "effect"
import * as Backup from "#src/backup/Backup.ts"
import * as Restore from "#src/backup/Restore.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { SettingsFiles } from "#src/configuration/SettingsFile.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"

const run = `{"_tag":"Noted","kind":"servers","text":"hello","runId":"run_a","seq":0,"at":0}\n`
const login = {
  version: 1,
  server: "linear",
  url: "https://mcp.linear.app/mcp",
  client: { id: "us", secret: "client-secret" },
  tokens: { access: "access-secret", refresh: "refresh-secret" }
}

const full: Readonly<Record<string, string>> = {
  ".lms-bridge/runs/run_a.jsonl": run,
  ".lms-bridge/runs/run_b.jsonl": `${run}{"_tag":"Noted","kind":\n${run}`,
  ".lms-bridge/aliases/coder.json": "{}",
  ".lms-bridge/registry/qwen.json": "{}",
  ".lms-bridge/logins/linear.abc.json": JSON.stringify(login),
  ".lms-bridge/models/token.json": "{}",
  ".lms-bridge/locks/some.lock": "{}",
  ".config/lms-bridge/config.json": `{\n  // mine\n  "apiToken": "settings-secret",\n  "maxRounds": 80\n}\n`,
  ".config/lms-bridge/policy.json": "{}",
  ".lmstudio/mcp.json": `{"mcpServers":{"files":{"command":"files","env":{"KEY":"mcp-secret"}}}}`,
  ".lmstudio/mcp.lock": "{}"
}

/** A person's home with these files, and what works in it. */
const home = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "home-" })
  const write = (name: string, text: string) =>
    fs
      .makeDirectory(`${folder}/${name.replace(/\/[^/]+$/, "")}`, { recursive: true })
      .pipe(Effect.zipRight(fs.writeFileString(`${folder}/${name}`, text)))
  for (const [name, text] of Object.entries(files)) yield* write(name, text)
  const config = `${folder}/.config/lms-bridge/config.json`
  const registry = Layer.mock(McpRegistry, {
    candidates: Effect.succeed([
      { path: `${folder}/.lmstudio/mcp.json`, host: "LM Studio", exists: true, used: true, entries: 1 } as never // the fields that matter
    ])
  })
  const inIt = <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.provide(self, Layer.merge(Settings.layerWith({}), registry)).pipe(
      Effect.provideService(SettingsFiles, [{ path: config, scope: "user", text: Option.none() }]),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["HOME", folder]])))
    )
  const backup = (file: string, options: Partial<Backup.BackupOptions> = {}) =>
    inIt(Backup.write(file, { secrets: false, dryRun: false, force: false, ...options }))
  const restore = (file: string, options: Partial<Restore.RestoreOptions> = {}) =>
    inIt(Restore.read(file, { dryRun: false, force: false, only: [], ...options }))
  const read = (name: string) => Effect.orElseSucceed(fs.readFileString(`${folder}/${name}`), () => undefined)
  return { folder, write, read, backup, restore }
})

const test = <A, E>(body: Effect.Effect<A, E, NodeContext.NodeContext | import("effect").Scope.Scope>) =>
  Effect.scoped(body).pipe(Effect.provide(NodeContext.layer))

const resultsOf = ({ files }: Restore.Restored) =>
  Object.fromEntries(files.map(({ kind, name, result }) => [`${kind}/${name}`, result]))

describe("a backup", () => {
  it.live("has all that would be missed, without secrets unless asked for, and comes back on another machine", () =>
    test(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const old = yield* home(full)
        const file = `${old.folder}/all.backup`
        const done = yield* old.backup(file)
        assert.deepStrictEqual(done.damaged, [{ name: "run_b.jsonl", lines: 1 }])
        assert.deepStrictEqual(
          done.leftOut.map(({ name }) => name),
          ["mcp/~/.lmstudio/mcp.json"]
        )
        assert.strictEqual(Number((yield* fs.stat(file)).mode) & 0o777, 0o600)

        const fresh = yield* home({})
        const seen = yield* fresh.restore(file, { dryRun: true })
        assert.isUndefined(yield* fresh.read(".lms-bridge/runs/run_a.jsonl"))
        const restored = yield* fresh.restore(file)
        assert.deepStrictEqual(resultsOf(seen), resultsOf(restored))
        assert.deepStrictEqual(resultsOf(restored), {
          "runs/run_a.jsonl": "written",
          "runs/run_b.jsonl": "written",
          "aliases/coder.json": "written",
          "models/qwen.json": "written",
          "logins/linear.abc.json": "written",
          "settings/config.json": "written",
          "policy/policy.json": "written",
          "locks/~/.lmstudio/mcp.lock": "written"
        })
        assert.strictEqual(yield* fresh.read(".lms-bridge/runs/run_b.jsonl"), full[".lms-bridge/runs/run_b.jsonl"])
        const settings = yield* fresh.read(".config/lms-bridge/config.json")
        assert.include(settings, "// mine")
        assert.include(settings, "80")
        const all = [settings, yield* fresh.read(".lms-bridge/logins/linear.abc.json")].join()
        assert.include(all, "https://mcp.linear.app/mcp")
        assert.notMatch(all, /secret"/)
        assert.deepStrictEqual(new Set(Object.values(resultsOf(yield* fresh.restore(file)))), new Set(["same"]))

        const secret = `${old.folder}/secret.backup`
        yield* old.backup(secret, { secrets: true })
        const whole = yield* home({})
        assert.deepStrictEqual((yield* whole.restore(secret)).problems, [])
        for (const [name, text] of Object.entries(full)) {
          if (/models\/|locks\//.test(name)) continue
          assert.strictEqual(yield* whole.read(name), text, name)
        }
      })
    )
  )

  it.live("overwrites nothing newer in silence", () =>
    test(
      Effect.gen(function* () {
        const here = yield* home(full)
        const file = `${here.folder}/all.backup`
        yield* here.backup(file)
        const longer = `${run}${run}`
        yield* here.write(".lms-bridge/runs/run_a.jsonl", longer)
        yield* Effect.sleep("1100 millis")
        yield* here.write(".config/lms-bridge/policy.json", `{"rules":[]}`)
        const kept = resultsOf(yield* here.restore(file))
        assert.deepInclude(kept, {
          "runs/run_a.jsonl": "newer",
          "policy/policy.json": "newer",
          "logins/linear.abc.json": "newer",
          "aliases/coder.json": "same"
        })
        assert.strictEqual(yield* here.read(".lms-bridge/runs/run_a.jsonl"), longer)
        const only = yield* here.restore(file, { force: true, only: ["policy"] })
        assert.deepStrictEqual(resultsOf(only), { "policy/policy.json": "replaced" })
        assert.strictEqual(yield* here.read(".config/lms-bridge/policy.json"), "{}")
        assert.strictEqual(yield* here.read(".config/lms-bridge/policy.json.before-restore"), `{"rules":[]}`)
        const again = yield* Effect.flip(here.backup(file))
        assert.include(again.message, "is there already")
        // a run that the backup has more of goes on from there
        yield* here.write(".lms-bridge/runs/run_b.jsonl", run)
        assert.deepInclude(resultsOf(yield* here.restore(file)), { "runs/run_b.jsonl": "replaced" })
      })
    )
  )

  it.live("that is damaged gives what can be read, and says what cannot", () =>
    test(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const here = yield* home({
          ...full,
          ...Object.fromEntries(
            Array.from({ length: 40 }, (_, index) => [
              `.lms-bridge/runs/run_x${index}.jsonl`,
              `{"_tag":"Noted","kind":"servers","text":"${Array.from({ length: 2000 }, (_, at) => (at * 7919 * (index + 1)) % 9973).join("-")}"}\n`
            ])
          )
        })
        const file = `${here.folder}/all.backup`
        yield* here.backup(file)
        const bytes = yield* fs.readFile(file)
        yield* fs.writeFile(file, bytes.subarray(0, Math.floor(bytes.length * 0.7)))
        const fresh = yield* home({})
        const half = yield* fresh.restore(file)
        assert.match(half.problems.join(), /It ends early: \d+ files/)
        assert.isTrue(half.files.length > 5 && half.files.length < 47, `${half.files.length}`)
        assert.isTrue(half.files.every(({ result }) => result === "written"))
        for (const bad of [new Uint8Array(), new TextEncoder().encode("hello"), new Uint8Array([31, 139, 8, 0])]) {
          yield* fs.writeFile(file, bad)
          const error = yield* Effect.flip(fresh.restore(file))
          assert.include(error.message, "is not a backup of lms-bridge")
        }
        assert.isTrue(Either.isLeft(yield* Effect.either(fresh.restore(`${here.folder}/none`))))
      })
    )
  )

  it.live("that was changed is not believed, and writes nowhere but to places of lms-bridge", () =>
    test(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const here = yield* home({})
        const file = `${here.folder}/evil.backup`
        const sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
        const entry = (kind: string, name: string, sha256 = sha) =>
          JSON.stringify({ kind, name, changed: 0, sha256, text: "hello" })
        const text = [
          JSON.stringify({ "lms-bridge-backup": 1, at: 0, secrets: false }),
          entry("runs", "../../evil.jsonl"),
          entry("runs", "/etc/evil.jsonl"),
          entry("mcp", "/etc/evil.json"),
          entry("locks", "~/.ssh/authorized_keys"),
          entry("runs", "run_c.jsonl", "0"),
          "nonsense",
          JSON.stringify({ files: 5, sha256: "0" })
        ].join("\n")
        const packed = yield* Effect.promise(
          async () =>
            new Uint8Array(
              await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer()
            )
        )
        yield* fs.writeFile(file, packed)
        const restored = yield* here.restore(file)
        assert.deepStrictEqual(
          restored.files.map(({ result }) => result),
          ["noPlace", "noPlace", "noPlace", "noPlace", "damaged"]
        )
        assert.deepStrictEqual(restored.problems, [
          "Line 7 of it cannot be read.",
          "Its checksum is wrong: files are missing, or it was changed."
        ])
      })
    )
  )
})
