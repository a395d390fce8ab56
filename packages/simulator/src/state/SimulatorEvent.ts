/** The events of the simulated machine, in order: the log with which tests prove their invariants. */

export type InstanceStatus = "idle" | "processingPrompt" | "generating" | "computingEmbedding" | "sleeping"

/** Who requested a load: the user in the app, `lms load`, the REST load route, or a request that needed the model. */
export type Loader = "user" | "cli" | "rest" | "jit"

/** Who unloaded a model. */
export type Unloader = "user" | "cli" | "rest" | "ttl" | "evict" | "crash" | "stop"

export type EventFact =
  | {
      readonly type: "loadStarted" | "loadFinished"
      readonly id: string
      readonly key: string
      readonly by: Loader
      readonly ttlMs: number | null
    }
  | {
      readonly type: "loadFailed"
      readonly id: string
      readonly key: string
      readonly by: Loader
      readonly reason: "Guardrail" | "Crashed" | "Failed" | "Cancelled"
    }
  | {
      readonly type: "unloaded"
      readonly id: string
      readonly key: string
      readonly by: Unloader
      readonly loadedBy: Loader
      readonly busy: boolean
    }
  | { readonly type: "serverStarted" | "serverStopped" }

/** An event and its time, in epoch milliseconds of the simulator's clock. */
export type SimulatorEvent = EventFact & { readonly at: number }

/** The counts that a careful client keeps low. */
export interface Invariants {
  /** Most loads of one key in flight at the same time. */
  readonly maxLoadsInFlightPerKey: number
  /** Unloads of a busy instance that a client requested (crashes and the app's own end do not count). */
  readonly unloadsWhileBusy: number
  /** Instances loaded by the user that a client unloaded. */
  readonly unloadsOfUserModels: number
  /** Loads by `lms` or just-in-time that would stay in memory forever. */
  readonly loadsWithoutTtl: number
  /** Loads by REST: they cannot have a TTL, so the client must unload them itself. */
  readonly restLoads: number
}

export const invariantsOf = (events: ReadonlyArray<SimulatorEvent>): Invariants => {
  const inFlight = new Map<string, number>()
  let maxLoadsInFlightPerKey = 0
  let unloadsWhileBusy = 0
  let unloadsOfUserModels = 0
  let loadsWithoutTtl = 0
  let restLoads = 0
  for (const event of events) {
    switch (event.type) {
      case "loadStarted": {
        const count = (inFlight.get(event.key) ?? 0) + 1
        inFlight.set(event.key, count)
        maxLoadsInFlightPerKey = Math.max(maxLoadsInFlightPerKey, count)
        break
      }
      case "loadFinished":
      case "loadFailed": {
        inFlight.set(event.key, (inFlight.get(event.key) ?? 1) - 1)
        if (event.type === "loadFinished" && event.by === "rest") restLoads += 1
        else if (event.type === "loadFinished" && event.by !== "user" && event.ttlMs === null) loadsWithoutTtl += 1
        break
      }
      case "unloaded": {
        const asked = event.by === "cli" || event.by === "rest" || event.by === "evict"
        if (asked && event.busy) unloadsWhileBusy += 1
        if (asked && event.loadedBy === "user") unloadsOfUserModels += 1
        break
      }
      case "serverStarted":
      case "serverStopped":
        break
    }
  }
  return { maxLoadsInFlightPerKey, unloadsWhileBusy, unloadsOfUserModels, loadsWithoutTtl, restLoads }
}
