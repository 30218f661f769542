import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { revealKeys } from '../../cloud/aws/client.ts'
import type { OpenApi } from './login.ts'

/**
 * The API of private registries.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
export const openEcr: OpenApi = (settings, { keys }) => {
  const client = new ECRClient({ ...settings, credentials: revealKeys(keys) })
  return async (abortSignal) => {
    const output = await client.send(new GetAuthorizationTokenCommand({}), { abortSignal })
    return output.authorizationData?.[0]
  }
}
