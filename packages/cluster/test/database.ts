/** A PostgreSQL of the tests' own, where its programs are on this machine. */
import { Settings } from "@lms-bridge/core/Settings"
import { Duration, Effect, Layer, Option, Redacted } from "effect"
import { afterAll, beforeAll } from "@effect/vitest"
import * as Database from "#src/Database.ts"
import { migrate } from "#src/Migration.ts"

interface Postgres {
  readonly url: string
  readonly close: () => Promise<void>
}

interface Programs {
  readonly find: () => string | undefined
  readonly startPostgres: (bin: string) => Promise<Postgres>
}

const { find, startPostgres }: Programs = await import(
  new URL("../../../scripts/drill/postgres.mjs", import.meta.url).href
)

const bin = find()

/** Whether there is one. Where there is none, the tests that need it are counted as skipped. */
export const isThere = bin !== undefined

/** Started once for all tests of a file. */
export const shared = () => {
  const running = { postgres: undefined as Postgres | undefined }
  beforeAll(async () => {
    if (bin !== undefined) running.postgres = await startPostgres(bin)
  })
  afterAll(() => running.postgres?.close())
  const settings = Layer.suspend(() =>
    Settings.layerWith({
      databaseUrl: Option.some(Redacted.make(running.postgres?.url ?? "")),
      queueLease: Duration.seconds(1),
      queuePatience: Duration.zero
    })
  )
  return Database.layer.pipe(
    Layer.tap((context) => Effect.provide(migrate, context)),
    Layer.provideMerge(settings)
  )
}
