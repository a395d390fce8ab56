/**
 * The services where runs are shared by several machines: those of this machine alone where no database is set.
 */
import type * as Cluster from "@lms-bridge/cluster/Cluster"
import * as Bridge from "@lms-bridge/core/Bridge"
import { Settings } from "@lms-bridge/core/Settings"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { UsageError } from "./ExitCode.ts"

/** `front`: hands runs in and looks at them. `worker`: carries them out. */
export type Role = "front" | "worker"

export interface Shared {
  readonly cluster: typeof Cluster
  readonly context: Context.Context<Cluster.Services>
}

export class CurrentShared extends Context.Reference<CurrentShared>()("@lms-bridge/cli/CurrentShared", {
  defaultValue: (): Option.Option<Shared> => Option.none()
}) {}

/** Loaded only where a database is set. */
export const layer = (role: Role) =>
  Layer.unwrapEffect(
    Effect.map(Settings, ({ databaseUrl }) =>
      Option.isNone(databaseUrl)
        ? Bridge.layerNoDeps
        : Layer.unwrapEffect(
            Effect.map(
              Effect.promise(() => import("@lms-bridge/cluster/Cluster")),
              (cluster) =>
                Layer.map(role === "front" ? cluster.front : cluster.layerWorker, (context) =>
                  Context.add(context, CurrentShared, Option.some({ cluster, context: context as Shared["context"] }))
                )
            )
          )
    )
  ).pipe(Layer.provideMerge(Settings.layer))

/** Fails where no database is set. */
export const required = Effect.flatMap(
  CurrentShared,
  Option.match({
    onNone: () =>
      new UsageError({
        problem:
          "Several machines share their runs in a PostgreSQL database, and none is set: LMS_BRIDGE_DATABASE_URL is its address."
      }),
    onSome: Effect.succeed
  })
)
