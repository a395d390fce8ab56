/**
 * What the server tells the page, as JSON. Times are epoch milliseconds, durations milliseconds. The server fills these from
 * its own schemas; the page counts nothing that it is told.
 */

/** A run in the list. */
export interface RunLine {
  readonly runId: string
  readonly status: "running" | "done" | "budget" | "stalled" | "failed" | "unfinished"
  readonly task: string
  readonly progress: string
  readonly rounds: number
  readonly startedAt: number
  readonly millis: number
  readonly model?: string | undefined
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  /** This process carries it out, or did. */
  readonly here?: boolean | undefined
  /** Number of the last event; changes when there is something new. */
  readonly seq?: number | undefined
  /** Characters of the reply under way per second, while it is written. */
  readonly charactersPerSecond?: number | undefined
  /** A person is being asked. */
  readonly asking?: boolean | undefined
}

/** A request that goes on or waits for its turn; without a run, a client's own. */
export interface RequestLine {
  readonly since: number
  readonly priority: "person" | "background"
  readonly runId?: string | undefined
}

/** A model in memory. */
export interface ModelLine {
  readonly model: string
  readonly instanceId: string
  readonly type: string
  readonly owner: string
  readonly contextLength?: number | undefined
  readonly sizeBytes?: number | undefined
  readonly status?: string | undefined
  /** Null: for ever. */
  readonly ttlMillis?: number | null | undefined
  readonly expiresAt?: number | undefined
  readonly leases: number
  /** Requests of this process to it. */
  readonly requests?:
    | { readonly active: ReadonlyArray<RequestLine>; readonly waiting: ReadonlyArray<RequestLine> }
    | undefined
  /** It is held from the page until this time. */
  readonly keptUntil?: number | undefined
}

export interface ModelsNow {
  readonly loaded: ReadonlyArray<ModelLine>
  /** Why nothing is known, in a sentence. */
  readonly problem?: string | undefined
}

/** A model on disk. */
export interface DiskModel {
  readonly key: string
  readonly type: string
  readonly loaded: boolean
  readonly maxContextLength?: number | undefined
  readonly sizeBytes?: number | undefined
}

export interface ServerLine {
  readonly name: string
  readonly state: "usable" | "missing" | "disabled" | "itself" | "invalid"
  readonly transport: string
  readonly target: string
  readonly source: string
  readonly connected: boolean
  readonly onlyByName?: boolean | undefined
  readonly problem?: string | undefined
  /** Its tools that differ from what the user trusted. */
  readonly withheld?: ReadonlyArray<string> | undefined
  /** In the runs of this process. */
  readonly calls: number
  readonly errors: number
  readonly millis: number
  /** How often it was started again from the page. */
  readonly restarts: number
}

export interface ServerTool {
  readonly name: string
  readonly description: string
}

/** The state of everything, sent first and after each reconnection. */
export interface Snapshot {
  readonly version: string
  readonly now: number
  readonly runs: ReadonlyArray<RunLine>
  readonly models: ModelsNow
  readonly servers: ReadonlyArray<ServerLine>
}

/** A call that waits for a person. */
export interface Ask {
  readonly id: string
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly reason: string
  /** What it would do to a file, as the lines of a diff; empty where that is not known. */
  readonly change: ReadonlyArray<string>
  readonly at: number
}

/** One event of a run, as the journal has it; long texts are cut. */
export interface RunEvent {
  readonly _tag: string
  readonly seq: number
  readonly at: number
  readonly [field: string]: unknown
}

export interface Account {
  readonly contextLength: number
  readonly system: number
  readonly tools: number
  readonly history: number
  readonly reserve: number
  readonly free: number
  readonly measures: ReadonlyArray<string>
}

export interface OfferedTool {
  readonly name: string
  readonly rank?: number | undefined
}

export interface Offer {
  readonly round: number
  readonly tools: ReadonlyArray<OfferedTool>
  readonly withheld: number
  readonly next: ReadonlyArray<OfferedTool>
  readonly estimatedTokens: number
  readonly limits?: { readonly count: number; readonly tokens?: number | undefined } | undefined
  readonly embeddings?: string | undefined
}

export interface RoundLine {
  readonly round: number
  readonly final: boolean
  readonly account?: Account | undefined
  readonly estimate?: number | undefined
  readonly counted?: number | undefined
  readonly written?: number | undefined
  readonly events: ReadonlyArray<string>
}

export interface RunAmounts {
  readonly rounds: number
  readonly wallMillis: number
  readonly toolCalls: number
  readonly tokens?: number | undefined
  readonly resultBytes?: number | undefined
}

/** One run. */
export interface RunPage {
  readonly line: RunLine
  readonly answer: string
  readonly problem?: string | undefined
  readonly task: string
  readonly servers: ReadonlyArray<{ readonly server: string; readonly tools: number }>
  readonly missing: ReadonlyArray<{ readonly server: string; readonly message: string }>
  readonly offers: ReadonlyArray<Offer>
  readonly rounds: ReadonlyArray<RoundLine>
  readonly used: RunAmounts
  readonly budgets: RunAmounts
  /** Those after the number that was asked for. */
  readonly events: ReadonlyArray<RunEvent>
  readonly asks: ReadonlyArray<Ask>
}

export interface Finding {
  readonly area: string
  readonly level: "ok" | "notice" | "problem"
  readonly what: string
  readonly next?: string | undefined
}

/** What a run is started with. */
export interface NewRun {
  readonly task: string
  readonly servers: "all" | ReadonlyArray<string>
  readonly model?: string | undefined
  readonly follows?: string | undefined
  readonly rounds?: number | undefined
  readonly minutes?: number | undefined
  readonly toolCalls?: number | undefined
  readonly tokens?: number | undefined
}

/** The answer to what did not succeed. */
export interface Failure {
  readonly error: string
  readonly message: string
}
