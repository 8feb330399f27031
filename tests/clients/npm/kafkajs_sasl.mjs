// kafkajs with SASL: node kafkajs_sasl.mjs ADDRESS USER PASSWORD TOPIC, as a user who may do everything. Prints each mechanism that
// a message went through with, "refused" when the wrong password was, and the numbers of ACLs found, deleted and left.
import kafkajs from 'kafkajs'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, ResourcePatternTypes, logLevel } = kafkajs
const [address, username, password, topic] = process.argv.slice(2)
const connect = sasl => new Kafka({ brokers: [address], sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } })

for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
  const kafka = new Kafka({ brokers: [address], sasl: { mechanism, username, password }, logLevel: logLevel.ERROR })
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, messages: [{ value: mechanism }] })
  await producer.disconnect()
  console.log(mechanism.toUpperCase())
}
const wrong = connect({ mechanism: 'scram-sha-256', username, password: password + 'x' }).admin()
try {
  await wrong.connect()
} catch (error) {
  if (error.name !== 'KafkaJSSASLAuthenticationError') throw error
  console.log('refused')
}

const admin = connect({ mechanism: 'scram-sha-512', username, password }).admin()
await admin.connect()
const acl = operation => ({
  resourceType: AclResourceTypes.TOPIC, resourceName: topic, resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: 'User:' + topic, host: '*', operation, permissionType: AclPermissionTypes.ALLOW
})
await admin.createAcls({ acl: [acl(AclOperationTypes.READ), acl(AclOperationTypes.WRITE)] })
const filter = {
  resourceType: AclResourceTypes.TOPIC, resourceName: topic, resourcePatternType: ResourcePatternTypes.ANY,
  principal: 'User:' + topic, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY
}
const count = async () => (await admin.describeAcls(filter)).resources.flatMap(resource => resource.acls).length
console.log(await count())
const deleted = await admin.deleteAcls({ filters: [filter] })
console.log(deleted.filterResponses[0].matchingAcls.length)
console.log(await count())
await admin.disconnect()
