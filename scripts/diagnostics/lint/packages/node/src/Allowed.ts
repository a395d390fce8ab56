// What node is for.
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as PublicAddress from "@lms-bridge/core/images/PublicAddress"
import * as http from "node:http"

export const all = [NodeContext, PublicAddress, http]
