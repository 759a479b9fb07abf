package sqsconsumer

import "testing"

func TestOnlySomeRefusalsSayThatAMessageIsNoLongerOurs(t *testing.T) {
	for code, want := range map[string]bool{
		"InvalidParameterValue":                       true,
		"InvalidParameterValueException":              true,
		"ReceiptHandleIsInvalid":                      true,
		"MessageNotInflight":                          true,
		"AWS.SimpleQueueService.MessageNotInflight":   true,
		"RequestThrottled":                            false,
		"KmsThrottled":                                false,
		"AWS.SimpleQueueService.UnsupportedOperation": false,
		"InternalError":                               false,
		"":                                            false,
	} {
		if got := gone(code); got != want {
			t.Errorf("%q: gone is %v, want %v", code, got, want)
		}
	}
}
