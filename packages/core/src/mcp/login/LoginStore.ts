/** Logins on disk: one file for each server and address, readable only by the owner, written atomically. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as MachineLock from "../../machine/MachineLock.ts"
import * as StateDirectory from "../../machine/StateDirectory.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import { McpLoginFailed } from "./McpLoginFailed.ts"
import { StoredLogin } from "./StoredLogin.ts"

/** A name alone is not enough: two projects may use it for two addresses, and one must not get the other's token. */
export interface LoginKey {
  readonly name: string
  readonly url: Redacted.Redacted
}

export interface LoginStore {
  /** A login without tokens if there is no readable file. */
  readonly read: (key: LoginKey) => Effect.Effect<StoredLogin>
  readonly write: (key: LoginKey, login: StoredLogin) => Effect.Effect<void, McpLoginFailed>
  /** Removes all logins under a name, whatever their address, and returns them. */
  readonly remove: (name: string) => Effect.Effect<ReadonlyArray<StoredLogin>, McpLoginFailed>
  /** Runs `self` while no other process does so for this login. */
  readonly alone: (key: LoginKey) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const state = yield* StateDirectory.makeWith("logins are not stored")
  const lock = yield* MachineLock.make(state)

  const readFile = (file: string) => fs.readFileString(file).pipe(Effect.flatMap(decode), Effect.option)

  const store: LoginStore = {
    read: Effect.fn("LoginStore.read")(function* (key) {
      const folder = state.where(folderName)
      const found = Option.isNone(folder)
        ? Option.none<StoredLogin>()
        : yield* readFile(path.join(folder.value, fileOf(key)))
      return Option.getOrElse(
        Option.filter(found, (login) => isSame(login, key)),
        () => none(key)
      )
    }),
    write: Effect.fn("LoginStore.write")(
      function* (key, login) {
        const failed = (detail: string) => new McpLoginFailed({ server: key.name, reason: "NotKept", detail })
        const folder = yield* state.folder(folderName)
        if (Option.isNone(folder)) return yield* failed("the data folder cannot be written")
        const file = path.join(folder.value, fileOf(key))
        yield* Effect.gen(function* () {
          // the folder may have been created with other permissions
          yield* fs.chmod(folder.value, 0o700)
          yield* writeWhole(file, yield* encode(login), { temporary: `${file}.${state.identity.token}` })
        }).pipe(
          Effect.provideService(FileSystem.FileSystem, fs),
          Effect.mapError((error) => failed(error._tag === "SystemError" ? error.reason : error._tag))
        )
      },
      // half a login would be worse than none
      Effect.uninterruptible
    ),
    remove: Effect.fn("LoginStore.remove")(function* (name) {
      const folder = state.where(folderName)
      if (Option.isNone(folder)) return []
      const files = yield* Effect.orElseSucceed(fs.readDirectory(folder.value), () => [])
      // includes files of a process that ended while writing
      const mine = files.filter((file) => file.replace(/\.\w+\.json(\.\w+)?$/, "") === StateDirectory.fileName(name))
      const removed = yield* Effect.forEach(mine, (file) => {
        const whole = path.join(folder.value, file)
        return Effect.zipLeft(readFile(whole), fs.remove(whole, { force: true }))
      }).pipe(
        Effect.mapError(({ message }) => new McpLoginFailed({ server: name, reason: "NotKept", detail: message }))
      )
      return removed.flatMap(Option.toArray)
    }),
    alone: (key) =>
      lock.withLock(`login-${fileOf(key)}`, Effect.logDebug("another process renews the login of an MCP server"))
  }
  return store
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folderName = "logins"

const File = Schema.parseJson(StoredLogin, { space: 2 })
const decode = Schema.decode(File)
const encode = Schema.encode(File)

const hrefOf = (url: Redacted.Redacted) => new URL(Redacted.value(url)).href

const fileOf = ({ name, url }: LoginKey) =>
  `${StateDirectory.fileName(name)}.${(Hash.string(hrefOf(url)) >>> 0).toString(36)}.json`

/** Hashes may collide. */
const isSame = (login: StoredLogin, key: LoginKey) => login.server === key.name && hrefOf(login.url) === hrefOf(key.url)

const none = ({ name, url }: LoginKey): StoredLogin => ({ version: 1, server: name, url })
