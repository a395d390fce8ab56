/**
 * The workflow engine over the database. Processes meet there only: there is no port to open, encrypt or authenticate, and a
 * look each second is enough for the two messages of a run.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import type { RunnerAddress } from "@effect/cluster/RunnerAddress"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import type { Settings } from "@lms-bridge/core/Settings"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Database from "./Database.ts"

/** With a pool of its own, since it holds one connection for its locks. None hands runs in and carries none out. */
export const layer = (
  address: Option.Option<RunnerAddress>
): Layer.Layer<WorkflowEngine, Database.DatabaseUnavailable, Settings> =>
  ClusterWorkflowEngine.layer.pipe(
    Layer.provideMerge(Sharding.layer),
    Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
    Layer.provideMerge(SqlMessageStorage.layer),
    Layer.provide(SqlRunnerStorage.layer),
    Layer.provide(
      ShardingConfig.layer({
        runnerAddress: address,
        shardLockExpiration: "5 seconds",
        shardLockDisableAdvisory: true,
        refreshAssignmentsInterval: "1 second",
        entityMessagePollInterval: "1 second",
        entityTerminationTimeout: "1 second"
      })
    ),
    Layer.provide(Layer.fresh(Database.layer)),
    // only a database that is away since it was reached a moment ago
    Layer.catchAll((error) => (error._tag === "SqlError" ? Layer.die(error) : Layer.fail(error)))
  )
