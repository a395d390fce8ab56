import { assert, describe, it } from "@effect/vitest"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Settings } from "#src/configuration/Settings.ts"
import * as LoginStore from "#src/mcp/login/LoginStore.ts"
import { Effect, Option, Redacted } from "effect"

const at = (url: string) => ({ name: "remote", url: Redacted.make(url) })

describe("LoginStore", () => {
  it.scopedLive("gives the login of one address to no other, whatever its file is called", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dataDir = yield* fs.makeTempDirectoryScoped()
      const store = yield* Effect.provide(LoginStore.make, Settings.layerWith({ dataDir: Option.some(dataDir) }))
      const [ours, theirs] = [at("https://a.example/mcp"), at("https://b.example/mcp")]
      const login = (key: LoginStore.LoginKey) => ({
        version: 1 as const,
        server: key.name,
        url: key.url,
        tokens: { access: Redacted.make(`token of ${Redacted.value(key.url)}`) }
      })
      yield* store.write(ours, login(ours))
      const [first = ""] = yield* fs.readDirectory(`${dataDir}/logins`)
      yield* store.write(theirs, login(theirs))
      const second = (yield* fs.readDirectory(`${dataDir}/logins`)).find((name) => name !== first) ?? ""
      assert.isDefined((yield* store.read(theirs)).tokens)
      yield* fs.copyFile(`${dataDir}/logins/${first}`, `${dataDir}/logins/${second}`)
      assert.isUndefined((yield* store.read(theirs)).tokens)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
