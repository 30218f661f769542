import { ECRPUBLICClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr-public'
import { revealKeys } from '../../cloud/aws/client.ts'
import type { OpenApi } from './login.ts'

/**
 * The API of the public registry.
 *
 * @see https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html
 */
export const openEcrPublic: OpenApi = (settings, { keys }) => {
  const client = new ECRPUBLICClient({ ...settings, credentials: revealKeys(keys) })
  return async (abortSignal) => {
    const output = await client.send(new GetAuthorizationTokenCommand({}), { abortSignal })
    return output.authorizationData
  }
}
