/** Why a file is refused whole; the message is for the operator, Chinese first. */
export class FileDamage extends Error {}
