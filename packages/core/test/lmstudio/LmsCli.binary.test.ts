import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Ref } from "effect"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { filesAt, layerOver, withLms, type Scripts } from "./cliLayer.ts"

describe("LmsCli.binary", () => {
  /** Which of these files is used as `lms`. */
  const found = Effect.fnUntraced(function* (
    paths: ReadonlyArray<string>,
    environment: Readonly<Record<string, string>>,
    options: { readonly lmsBinary?: string; readonly contents?: Readonly<Record<string, string>> } = {}
  ) {
    const files = filesAt(yield* Ref.make(paths), options.contents)
    return yield* Effect.flatMap(LmsCli, (lms) => lms.binary).pipe(
      Effect.provide(layerOver(files, {}, { lmsBinary: Option.fromNullable(options.lmsBinary) }, environment))
    )
  })

  it.effect("is the configured one, else the one on PATH, else the one in LM Studio's home", () =>
    Effect.gen(function* () {
      const env = { PATH: "/usr/bin:/opt/bin", HOME: "/home/me" }
      const home = "/home/me/.lmstudio/bin/lms"
      const cache = "/home/me/.cache/lm-studio/bin/lms"
      assert.strictEqual(yield* found(["/x/lms", "/opt/bin/lms"], env, { lmsBinary: "/x/lms" }), "/x/lms")
      assert.strictEqual(yield* found(["/home/me/x/lms"], env, { lmsBinary: "~/x/lms" }), "/home/me/x/lms")
      assert.strictEqual(yield* found(["/opt/bin/lms2"], env, { lmsBinary: "lms2" }), "/opt/bin/lms2")
      assert.strictEqual(yield* found(["/opt/bin/lms", home], env), "/opt/bin/lms")
      assert.strictEqual(yield* found([home, cache], env), cache)
      assert.strictEqual(yield* found([home], env), home)
      assert.strictEqual(yield* found([home], { USERPROFILE: "/home/me" }), home)
      assert.strictEqual(
        yield* found(["/elsewhere/bin/lms", cache], env, {
          contents: { "/home/me/.lmstudio-home-pointer": "/elsewhere\n" }
        }),
        "/elsewhere/bin/lms"
      )
    })
  )

  it.effect("is not searched elsewhere when the configured path does not exist", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(found(["/opt/bin/lms"], { PATH: "/opt/bin" }, { lmsBinary: "/x/lms" }))
      assert.deepInclude(error, { reason: "NotInstalled" })
      assert.include(error.message, 'LMS_BRIDGE_LMS_BINARY is "/x/lms"')
      assert.deepInclude(yield* Effect.flip(found(["/opt/bin/lms"], { PATH: "/opt/bin" }, { lmsBinary: "none" })), {
        reason: "Disabled"
      })
      assert.deepInclude(yield* Effect.flip(found([], {})), { reason: "NotInstalled" })
    })
  )

  it.effect("is searched again at the next call while it is missing, and when it has disappeared", () =>
    Effect.gen(function* () {
      const paths = yield* Ref.make<ReadonlyArray<string>>([])
      const version: Scripts = {
        "version --json": [{ stdout: `{"version":"1"}` }, { spawnError: "NotFound" }, { stdout: `{"version":"2"}` }]
      }
      yield* Effect.gen(function* () {
        const lms = yield* LmsCli
        assert.deepInclude(yield* Effect.flip(lms.version), { reason: "NotInstalled" })
        yield* Ref.set(paths, ["/a/lms"])
        assert.strictEqual(yield* lms.version, "1")
        yield* Ref.set(paths, ["/b/lms"])
        assert.deepInclude(yield* Effect.flip(lms.version), { reason: "NotInstalled" })
        assert.strictEqual(yield* lms.binary, "/b/lms")
      }).pipe(Effect.provide(layerOver(filesAt(paths), version, {}, { PATH: "/a:/b" })))
    })
  )

  it.effect("a missing one is distinguished from one that cannot be started", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* LmsCli).version)
      assert.deepInclude(error, { reason: "Spawn", retryable: true })
    }).pipe(withLms({ "version --json": { spawnError: "PermissionDenied" } }))
  )
})
