package main

import (
	"fmt"

	"zvonar/internal/config"
	"zvonar/internal/numbering"
)

// useNumbering puts the configured plan and holidays in force. On an error nothing
// changes.
func useNumbering(rules config.Dialer) (err error) {
	var plan *numbering.Plan
	var holidays *numbering.Calendar
	if rules.NumberingPlan != "" {
		if plan, err = numbering.ReadPlan(rules.NumberingPlan); err != nil {
			return fmt.Errorf("dialer.numbering_plan: %w", err)
		}
	}
	if rules.Holidays != "" {
		if holidays, err = numbering.ReadCalendar(rules.Holidays); err != nil {
			return fmt.Errorf("dialer.holidays: %w", err)
		}
	}
	numbering.Use(plan, holidays)
	return nil
}
