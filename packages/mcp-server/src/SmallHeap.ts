// @effect-diagnostics nodeBuiltinImport:off -- this is about Node itself
/**
 * Imported first, for its effect: keeps the young part of V8's heap from growing over the garbage of start-up, which it
 * would keep for good. The server waits beside a model that needs the memory.
 */
import { setFlagsFromString } from "node:v8"

setFlagsFromString("--semi-space-growth-factor=1")
