/**
 * The SDK's server for the revisions before 2026-07-28, with what its second line no longer sends.
 */
import {
  isTaskAugmentedRequestParams,
  type JSONRPCMessage,
  ProtocolErrorCode,
  Server,
  type Transport
} from "@modelcontextprotocol/server"
import * as Predicate from "effect/Predicate"

export class OldServer extends Server {
  override connect(transport: Transport): Promise<void> {
    const send = transport.send.bind(transport)
    transport.send = (message, options) => send(withOldCode(message), options)
    return super.connect(transport)
  }

  /** The answer to a call as a task is a task, which the SDK's check of results refuses; see `NewServer` for the hook. */
  protected override _wrapHandler(...[method, handler]: Parameters<Server["_wrapHandler"]>) {
    const checked = super._wrapHandler(method, handler)
    if (method !== "tools/call") return checked
    return (...[request, context]: Parameters<typeof handler>) =>
      (isTaskAugmentedRequestParams(request.params) && request.params.task !== undefined ? handler : checked)(
        request,
        context
      )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Until 2025-11-25; the SDK sends the newer -32602 in every revision. */
const resourceNotFound = -32_002

/** Of our errors with this code only those of missing resources name a URI. */
const withOldCode = (message: JSONRPCMessage): JSONRPCMessage =>
  "error" in message &&
  message.error.code === ProtocolErrorCode.InvalidParams &&
  Predicate.hasProperty(message.error.data, "uri")
    ? { ...message, error: { ...message.error, code: resourceNotFound } }
    : message
