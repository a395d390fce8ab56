/** The services of several hosts in place of those of one. Loaded only where the settings name hosts. */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Settings } from "../../configuration/Settings.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import { LmsCli } from "../../lmstudio/LmsCli.ts"
import { Resilience } from "../../resilience/Resilience.ts"
import * as AliasedLifecycle from "../aliases/AliasedLifecycle.ts"
import { ModelLifecycle } from "../ModelLifecycle.ts"
import * as HostedApi from "./HostedApi.ts"
import * as HostedLifecycle from "./HostedLifecycle.ts"
import { Hosts, make as makeHosts } from "./Hosts.ts"
import * as HostUse from "./HostUse.ts"

export const layer: Layer.Layer<
  LmStudioApi | LmsCli | ModelLifecycle | Resilience,
  never,
  HttpClient.HttpClient | CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path | Settings
> = Layer.scopedContext(
  Effect.gen(function* () {
    const settings = yield* Settings
    const hosts = yield* makeHosts
    const use = HostUse.make()
    const lifecycle = yield* AliasedLifecycle.over(HostedLifecycle.make(hosts, use, settings), settings)
    const [first, ...others] = hosts
    if (first === undefined) return yield* Effect.dieMessage("there are hosts")
    // `lms` is that of this machine, if one of the hosts is here
    const withLms = hosts.find(({ services }) => !isOff(Context.get(services, Settings))) ?? first
    return Context.make(ModelLifecycle, lifecycle).pipe(
      Context.add(LmStudioApi, HostedApi.make(hosts, use)),
      Context.add(LmsCli, Context.get(withLms.services, LmsCli)),
      Context.add(Resilience, {
        ...first.resilience,
        breakers: Effect.map(
          Effect.forEach([first, ...others], ({ resilience }) => resilience.breakers),
          (all) => all.flat()
        )
      }),
      Context.merge(Context.make(Hosts, hosts))
    )
  })
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isOff = ({ lmsBinary }: Context.Tag.Service<Settings>) => lmsBinary._tag === "Some" && lmsBinary.value === "none"
