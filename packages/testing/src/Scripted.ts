/**
 * Scripted failures: for each operation of a service a sequence of outcomes, played in order. A call that the script
 * does not expect dies loudly, and every call is recorded.
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"

/** Wraps the last outcome of a sequence, which then answers all further calls. */
export class Always<A> {
  readonly outcome: A
  constructor(outcome: A) {
    this.outcome = outcome
  }
}

/** Outcomes of one operation, in order. */
export type Outcomes<A> = ReadonlyArray<A | Always<A>>

/** This outcome for this call and all later ones. */
export const always = <A>(outcome: A): Always<A> => new Always(outcome)

/** One recorded call. */
export interface Call {
  readonly operation: string
  readonly arguments: ReadonlyArray<unknown>
}

/** Turns sequences of outcomes into the operations of a service. */
export interface Scripted {
  /** All calls so far, oldest first. */
  readonly calls: Effect.Effect<ReadonlyArray<Call>>
  /** An operation without arguments. */
  readonly value: <A, E>(operation: string, outcomes: Outcomes<Effect.Effect<A, E>> | undefined) => Effect.Effect<A, E>
  /** An operation with arguments; an outcome may be a function of them. */
  readonly call: <Args extends ReadonlyArray<unknown>, A, E>(
    operation: string,
    outcomes: Outcomes<Effect.Effect<A, E> | ((...args: Args) => Effect.Effect<A, E>)> | undefined
  ) => (...args: Args) => Effect.Effect<A, E>
  /** The same for operations that return a stream. */
  readonly stream: <Args extends ReadonlyArray<unknown>, A, E>(
    operation: string,
    outcomes: Outcomes<Stream.Stream<A, E> | ((...args: Args) => Stream.Stream<A, E>)> | undefined
  ) => (...args: Args) => Stream.Stream<A, E>
}

/** `service` names the double in its messages about unexpected calls. */
export const make = (service: string): Effect.Effect<Scripted> =>
  Effect.map(Ref.make<ReadonlyArray<Call>>([]), (calls) => {
    const next = <A>(
      operation: string,
      args: ReadonlyArray<unknown>,
      outcomes: Outcomes<A> | undefined
    ): Effect.Effect<A> =>
      Ref.modify(calls, (before): readonly [number, ReadonlyArray<Call>] => [
        before.filter((call) => call.operation === operation).length,
        [...before, { operation, arguments: args }]
      ]).pipe(
        Effect.flatMap((index) => {
          const last = outcomes?.at(-1)
          const outcome = outcomes?.[index] ?? (last instanceof Always ? last : undefined)
          return outcome === undefined
            ? Effect.dieMessage(
                `${service}.${operation} was called ${index + 1} times, but the script has ${outcomes?.length ?? 0} outcomes for it.`
              )
            : Effect.succeed(outcome instanceof Always ? outcome.outcome : outcome)
        })
      )

    const call =
      <Args extends ReadonlyArray<unknown>, A, E>(
        operation: string,
        outcomes: Outcomes<Effect.Effect<A, E> | ((...args: Args) => Effect.Effect<A, E>)> | undefined
      ) =>
      (...args: Args): Effect.Effect<A, E> =>
        Effect.flatMap(next(operation, args, outcomes), (outcome) =>
          typeof outcome === "function" ? outcome(...args) : outcome
        )

    const stream =
      <Args extends ReadonlyArray<unknown>, A, E>(
        operation: string,
        outcomes: Outcomes<Stream.Stream<A, E> | ((...args: Args) => Stream.Stream<A, E>)> | undefined
      ) =>
      (...args: Args): Stream.Stream<A, E> =>
        Stream.unwrap(
          Effect.map(next(operation, args, outcomes), (outcome) =>
            typeof outcome === "function" ? outcome(...args) : outcome
          )
        )

    return {
      calls: Ref.get(calls),
      value: (operation, outcomes) => Effect.flatten(next(operation, [], outcomes)),
      call,
      stream
    }
  })
