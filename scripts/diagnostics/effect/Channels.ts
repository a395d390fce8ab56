// Planted mistakes with error and requirement channels; each mark names the rule that must fire below it.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class Failed extends Schema.TaggedError<Failed>()("Failed", { cause: Schema.Defect }) {}

declare const untyped: unknown
declare const work: Effect.Effect<number, Failed>

// expect: anyUnknownInErrorContext
export const anyError = work.pipe(Effect.mapError((error): unknown => error))

// expect: unsafeEffectTypeAssertion
export const asserted = work as Effect.Effect<number>

// expect: globalErrorInEffectCatch
export const nativeError = Effect.try({ try: () => 1, catch: () => new Error("no") })

// expect: globalErrorInEffectFailure
export const nativeFailure = Effect.fail(new Error("no"))

// expect: unknownInEffectCatch
export const unknownCatch = Effect.try({ try: () => 1, catch: (cause) => cause })

// expect: catchAllToMapError
export const catchAll = work.pipe(Effect.catchAll((error) => Effect.fail(new Failed({ cause: error }))))

export class Store extends Context.Tag("@lms-bridge/diagnostics/Store")<Store, { readonly size: number }>() {}

// expect: leakingRequirements
export class Leaky extends Context.Tag("@lms-bridge/diagnostics/Leaky")<
  Leaky,
  {
    readonly read: Effect.Effect<number, never, Store>
    readonly write: (value: number) => Effect.Effect<void, never, Store>
  }
>() {}

declare const needsStore: Effect.Effect<number, never, Store>

// expect: missingEffectContext
export const forgotten: Effect.Effect<number> = needsStore

export class Index extends Context.Tag("@lms-bridge/diagnostics/Index")<Index, { readonly keys: number }>() {}

const storeLayer = Layer.succeed(Store, { size: 1 })
const indexLayer = Layer.effect(
  Index,
  Effect.map(Store, ({ size }) => ({ keys: size }))
)

// expect: missingLayerContext
export const incomplete: Layer.Layer<Index> = indexLayer

// expect: layerMergeAllWithDependencies
export const merged = Layer.mergeAll(storeLayer, indexLayer)

// expect: scopeInLayerEffect
export const unscoped = Layer.effect(
  Store,
  Effect.as(
    Effect.addFinalizer(() => Effect.void),
    { size: 1 }
  )
)

// expect: catchUnfailableEffect
export const neverFails = Effect.succeed(1).pipe(Effect.catchAll(() => Effect.succeed(2)))

// expect: strictEffectProvide
export const provided = needsStore.pipe(Effect.provide(storeLayer))

// expect: multipleEffectProvide
export const twice = Effect.void.pipe(Effect.provide(storeLayer), Effect.provide(indexLayer))

// expect: classSelfMismatch
export class Renamed extends Context.Tag("@lms-bridge/diagnostics/Renamed")<Store, { readonly size: number }>() {}

// expect: overriddenSchemaConstructor
export class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {
  constructor(props: { readonly x: number }) {
    super({ x: Math.abs(props.x) })
  }
}

// expect: instanceOfSchema
export const isFailed = untyped instanceof Point

// expect: extendsNativeError
export class NativeError extends Error {}
