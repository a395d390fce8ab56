/**
 * The machines that carry runs out, for `hosts ls`.
 */
import type { Hosts } from "@lms-bridge/cluster/Cluster"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Screen } from "../../terminal/Screen.ts"
import type * as SharedRuns from "../../SharedRuns.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const show = Effect.fnUntraced(function* ({ cluster, context }: SharedRuns.Shared, json: boolean) {
  const screen = yield* Screen
  const hosts = yield* Effect.provide(cluster.Hosts.list, context)
  if (json) return yield* screen.out(encode(hosts))
  if (hosts.length === 0) return yield* screen.err("There are no hosts. `lms-bridge worker` makes this machine one.")
  yield* screen.out(render(hosts, screen.columns))
})

export const render = (hosts: ReadonlyArray<Hosts.Host>, columns?: number): string =>
  Table.render(
    ["HOST", "STATE", "RUNS", "MODELS IN MEMORY", "VERSION", "LAST SEEN"],
    hosts.map(({ busy, loaded, name, silent, slots, state, version }) => [
      name,
      state,
      `${busy} of ${slots}`,
      loaded.join(", "),
      version,
      `${Words.duration(Math.round(silent) * 1000)} ago`
    ]),
    columns
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(Schema.Unknown)))
