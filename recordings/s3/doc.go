// Package s3 keeps objects at a service that speaks the S3 protocol: PUT, GET,
// DELETE and ListObjectsV2, signed with AWS Signature Version 4 (header form,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
//
// A [Client] has no goroutine and no state; its methods may be called from any.
// Start reading at client.go, then sign.go.
package s3
